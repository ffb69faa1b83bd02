"""How often an engine ended after it was ready, and how long it is waited before it is started again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MOST_ENDS = 5  # in a row; one more, and it is not the world outside
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
CALM_SECONDS = 600.0  # that long ready, and what was before is forgotten


@dataclass(kw_only=True)
class Lives:
    clock: Callable[[], float] = time.monotonic
    ends: int = 0  # in a row
    were_ready: bool = False  # at least once
    since: float | None = None

    def ready(self) -> None:
        self.were_ready, self.since = True, self.clock()

    def ended(self) -> float | None:
        """Seconds to wait, each time twice as long; None where it is not worth another start."""
        if self.since is not None and self.clock() - self.since >= CALM_SECONDS:
            self.ends = 0
        self.since = None
        self.ends += 1
        return None if self.ends > MOST_ENDS else min(LONGEST_WAIT, FIRST_WAIT * 2 ** (self.ends - 1))
