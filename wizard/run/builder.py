"""Environments built ahead of need: a thread goes through the plan's list while earlier stages run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wizard.contract import Engine, Environment, Plan, Problem, Stage
from wizard.errors import WizardError
from wizard.journal import Home, RunFolder
from wizard.run import environments
from wizard.run.ledger import FULL, Ledger, full_disk
from wizard.run.uv import Cancelled, find_uv


def wanted(stage: Stage) -> tuple[str, ...]:
    return tuple(dict.fromkeys((stage.environment, *stage.assets)))


class Builder:
    """One environment after another, in the order the stages need them; niced while a stage is running."""

    def __init__(
        self, plan: Plan, folder: RunFolder, home: Home, engines: Mapping[str, Engine], ledger: Ledger
    ) -> None:
        self._known = {environment.id: environment for environment in plan.environments}
        self._folder, self._home, self._engines, self._ledger = folder, home, engines, ledger
        self._paths: dict[str, Path] = {}
        self._failed: dict[str, Problem] = {}
        self._queue: list[str] = []
        self._changed = threading.Condition()
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._work, name="builder", daemon=True)
        self.background = False
        self._thread.start()

    def need(self, stages: Sequence[Stage]) -> None:
        """What these stages need is built next, in this order."""
        with self._changed:
            names = dict.fromkeys(name for stage in stages for name in wanted(stage) if name not in self._paths)
            self._queue = [*names, *(name for name in self._queue if name not in names)]
            self._changed.notify_all()

    def cancel(self) -> None:
        self._cancelled.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(10)

    def get(self, stage: Stage, stopping: Callable[[], bool]) -> dict[str, Path] | Problem | None:
        """The stage's environments when they are there; None when the run is being stopped.

        One that failed while it was built ahead is tried once more: the network may be back.
        """
        with self._changed:
            again = [self._failed.pop(name) for name in wanted(stage) if name in self._failed]
        if again:
            self.need([stage])
        while not stopping():
            with self._changed:
                if failed := [self._failed[name] for name in wanted(stage) if name in self._failed]:
                    return failed[0]
                if all(name in self._paths for name in wanted(stage)):
                    return {name: self._paths[name] for name in wanted(stage)}
                self._changed.wait(0.2)
        return None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._cancelled.is_set())
                if self._cancelled.is_set():
                    return
                name = self._queue.pop(0)
            try:
                result: Path | Problem = self._build(name)
            except Cancelled:
                return
            with self._changed:
                if isinstance(result, Path):
                    self._paths[name] = result
                else:
                    self._failed[name] = result
                self._changed.notify_all()

    def _build(self, name: str) -> Path | Problem:
        began = time.monotonic()
        try:
            if name not in self._known:
                return Problem(code="environment-unknown", params={"environment": name})
            path = self._ensure(self._known[name])
        except WizardError as error:
            return error.problem
        except OSError as error:
            if error.errno in FULL:
                return full_disk(self._home.envs)
            return Problem(code="environment-failed", params={"environment": name, "output": str(error), "log": ""})
        self._ledger.write(
            "environment-ready", environment=name, path=str(path), seconds=round(time.monotonic() - began, 1)
        )
        return path

    def _ensure(self, environment: Environment) -> Path:
        path = environments.folder_of(self._home, environment)
        if environments.is_ready(path):
            return path
        last: list[tuple[str, int, int]] = []

        def progress(phase: str, done: int, total: int) -> None:
            if last[-1:] != [(phase, done, total)]:
                last[:] = [(phase, done, total)]
                self._ledger.write(
                    "environment-building", environment=environment.id, phase=phase, done=done, total=total
                )

        return environments.ensure(
            self._home,
            environment,
            (self._folder.environments / f"{environment.id}.txt").read_text(encoding="utf-8"),
            self._engines.get(environment.engine),
            find_uv(self._home),
            progress,
            niced=lambda: self.background,
            cancelled=self._cancelled.is_set,
        )
