"""A run's newest state, kept fresh by a thread; the window looks at it four times a second and never waits."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.contract import Plan, Problem, RunState
from wizard.errors import WizardError
from wizard.view.errands import unexpected

if TYPE_CHECKING:
    from wizard.session import Desk

EVERY = 0.25
LOG_LINES = 200


class Pulse:
    def __init__(self, desk: Desk, run: str) -> None:
        self._desk = desk
        self._run = run
        self._ended = threading.Event()
        self.plan: Plan | None = None
        self.state: RunState | None = None
        self.problem: Problem | None = None
        self.log: Sequence[str] | None = None  # None: not read yet
        self.wants_log = False
        self._woken = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._beat, daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        self._woken.set()

    def show_log(self, wanted: bool) -> None:
        """Read at once, not at the next beat."""
        self.wants_log, self.log = wanted, None
        self._woken.set()

    def _beat(self) -> None:
        try:
            self.plan = self._desk.plan_of(self._run)
            watch = self._desk.watch(self._run)
            self.state = watch.poll()
            if not self.state.exact:
                self.state = watch.complete()
            while not self._ended.is_set():
                self._woken.wait(EVERY)
                self._woken.clear()
                self.state = watch.poll()
                self.log = watch.log(self.state.stage, LOG_LINES) if self.wants_log else None
        except WizardError as error:
            self.problem = error.problem
        except Exception as error:
            self.problem = unexpected(error, Path(self._desk.home.logs))
