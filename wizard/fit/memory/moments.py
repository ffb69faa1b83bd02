"""A moment of a whole step: what is held throughout, and a moment of one layer or of the head within it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from wizard.fit.recording.tape import Moment, Size


class Instant(NamedTuple):
    name: str
    total: Size
    around: Mapping[str, Size]  # by label
    moment: Moment | None = None

    @property
    def live(self) -> dict[str, Size]:
        """By label what is there; made only for what is shown."""
        found = dict(self.around)
        for label, size in self.moment.live.items() if self.moment else ():
            add(found, label, size)
        return found


def instant(name: str, around: Mapping[str, Size], moment: Moment | None = None) -> Instant:
    total = moment.total if moment else Size()
    for size in around.values():
        total = total.plus(size)
    return Instant(name, total, around, moment)


def add(live: dict[str, Size], label: str, size: Size, times: int = 1) -> None:
    if any(size) and times:
        live[label] = live.get(label, Size()).plus(size, times)
