"""What the supervisor does about an ending before it is final, beside the ladder: back to the last good checkpoint with
a lower learning rate, once more after a hang, and on again when a full disk has room."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wizard.run.concessions import History
from wizard.run.ending import FULL_BYTES, Ending
from wizard.run.ledger import Ledger, free_bytes

ASTRAY = ("loss-not-finite", "norm-exploded")
HUNG = ("training-hangs", "card-hangs")
DISK = ("disk-full", "run-disk-full")
ROLLBACKS = 2  # of one stage; after them the fault is not the rate
LOWER = 0.3  # of the rate, each time
POLL_SECONDS = 1.0
PATIENCE_SECONDS = 12 * 3600.0  # a night, as a stage itself has


def code_of(ending: Ending) -> str:
    return ending.problem.code if ending.problem else ""


def rolled_back(history: History, stage: str, ending: Ending) -> Mapping[str, Any] | None:
    """The concession that the stage goes back with; None where it went astray often enough, or something else is wrong.

    Zhang et al., OPT, 2022, 2.5: a lower learning rate from an earlier checkpoint let the training recover.
    """
    knobs = history.spec(stage).get("knobs", {})
    if code_of(ending) not in ASTRAY or history.rollbacks[stage] >= ROLLBACKS or "learning_rate" not in knobs:
        return None
    rung, rate = history.rungs.get(stage, 0), float(f"{knobs['learning_rate'] * LOWER:.3g}")
    return {"from": rung, "to": rung, "why": code_of(ending), "by": "watch", "changes": {"learning_rate": rate}}


class Mending:
    """`write`: tells an event of the supervisor's, and the history with it."""

    def __init__(
        self, folder: Path, history: History, ledger: Ledger, stopping: Callable[[], bool], write: Callable[..., None]
    ) -> None:
        self.folder, self.history, self.ledger = folder, history, ledger
        self.stopping, self.write = stopping, write
        self.hung: set[str] = set()

    def final(self, stage: str, ending: Ending) -> Ending | None:
        """None where the stage is to be started again, from its last checkpoint."""
        if given := rolled_back(self.history, stage, ending):
            self.write("conceded", stage=stage, **given)
            return None
        if code_of(ending) in HUNG and stage not in self.hung:
            self.hung.add(stage)
            self.ledger.note("hung-restarted", stage, "warning")
            return None
        if code_of(ending) in DISK and free_bytes(self.folder) < FULL_BYTES:
            return self._wait_for_room(stage, ending)
        return ending

    def _wait_for_room(self, stage: str, ending: Ending) -> Ending | None:
        """A disk that is not full, but for which something was too large, is nobody's to wait for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        self.ledger.note("run-disk-waits", stage, "warning", path=str(self.folder))
        while free_bytes(self.folder) < FULL_BYTES:
            if self.stopping():
                return Ending(outcome="stopped")
            if time.monotonic() > deadline:
                return ending
            time.sleep(POLL_SECONDS)
        return None
