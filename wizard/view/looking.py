"""A source being read for a screen: the newest reading counts, an older one ends, and how far it is can be told."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from wizard.view.reading import Left


class Looking:
    """One reading at a time; `rows`: how many it has read."""

    def __init__(self) -> None:
        self.rows = 0
        self._left = Event()

    def begin(self) -> Callable[[int], None]:
        """What the reading tells its rows to; the one before ends at its next word."""
        self.leave()
        self.rows, left = 0, Event()
        self._left = left

        def watch(rows: int) -> None:
            if left.is_set():
                raise Left
            self.rows = rows

        return watch

    def leave(self) -> None:
        self._left.set()
