"""Runs a plan's stages one after another, and goes on from wherever an earlier supervisor was cut off."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wizard.contract import Engine, Plan, Problem, RunStatus, Stage
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, RunFolder, Tail, locked, read_json, read_plan
from wizard.run import processes
from wizard.run.builder import Builder
from wizard.run.child import Child
from wizard.run.concessions import History, consented
from wizard.run.control import Control, stage_marker
from wizard.run.ending import Ending, judge
from wizard.run.foretelling import Refit, foretold
from wizard.run.ledger import FULL, Ledger, full_disk
from wizard.run.locks import Lock, take
from wizard.run.measured import Keeper
from wizard.run.mending import Mending
from wizard.run.metering import MeterFactory, Metering
from wizard.run.spawn import Start, is_done, spawn

POLL_SECONDS = 0.2
WITHOUT_GPU = ("fetch", "prepare")
REHEARSED = "rehearsal-out-of-memory"


def supervise(
    folder: RunFolder,
    home: Home,
    engines: Mapping[str, Engine],
    meter: MeterFactory | None = None,
    refit: Refit | None = None,
) -> int:
    """Takes the run's lock and runs it to its end; where another holds the lock, there is nothing to do."""
    lock = take(folder.lock, patience=2.0)
    if lock is None:
        return ExitCode.OK
    processes.become_subreaper()
    try:
        return Supervisor(folder, home, engines, meter, refit).run()
    finally:
        lock.release()


class Supervisor:
    def __init__(
        self,
        folder: RunFolder,
        home: Home,
        engines: Mapping[str, Engine],
        meter: MeterFactory | None,
        refit: Refit | None = None,
    ) -> None:
        self.folder, self.home, self.engines = folder, home, engines
        self.plan: Plan = read_plan(folder.plan)
        self.control = Control(folder)
        self.history = History(self.plan, Tail(folder.supervisor).new())
        self.ledger = Ledger(folder)
        self.builder = Builder(self.plan, folder, home, engines, self.ledger)
        self.remade: set[str] = set()
        self.mending = Mending(folder.path, self.history, self.ledger, self._stopping, self._write)
        self.meter = Metering(folder, meter) if meter else None
        self.refit = refit

    def run(self) -> int:
        self._write("run-started", pid=os.getpid(), attempt=self.history.runs + 1)
        for given in self.history.asked(self.folder):
            self._write("conceded", **given)
        status: RunStatus = "failed"
        problem: Problem | None = None
        try:
            status, problem = self._stages()
        except Exception as error:  # whatever it is, the run's end is told
            problem = self._told(error)
        self.builder.cancel()
        if self.meter:
            self.meter.end()
        self._write("run-ended", status=status, problem=problem)
        return {"done": ExitCode.OK, "stopped": ExitCode.INTERRUPTED}.get(status, ExitCode.FAILED)

    def _write(self, kind: str, /, *, problem: Problem | None = None, **params: Any) -> None:
        self.history.take({"kind": kind, **params})
        self.ledger.write(kind, problem=problem, **params)

    def _told(self, error: Exception) -> Problem:
        if isinstance(error, WizardError):
            return error.problem
        if isinstance(error, OSError) and error.errno in FULL:
            return full_disk(self.folder.path)
        traceback.print_exc()
        return Problem(code="supervisor-crashed", params={"log": str(self.folder.log), "error": str(error)})

    def _stages(self) -> tuple[RunStatus, Problem | None]:
        for stage in self.plan.stages:
            self.folder.stage(stage.folder).path.mkdir(parents=True, exist_ok=True)
            if is_done(self.folder, stage) and stage.name not in self.history.done:
                seconds = read_json(self.folder.stage(stage.folder).done).get("seconds", 0)
                self._write("stage-ended", stage=stage.name, outcome="done", seconds=seconds)
        self.builder.need([stage for stage in self.plan.stages if not is_done(self.folder, stage)])
        while current := self._next():
            if self._stopping():
                return "stopped", None
            ending = self._stage(current)
            if current.service and ending.outcome == "stopped" and ending.served:
                return "done", None
            if ending.outcome == "stopped":
                return "stopped", None
            if ending.outcome != "done":
                return "failed", ending.problem
            if told := foretold(self.refit, self.plan, self.folder, current, self.history.knobs):
                self._write("forecast", stage="train", **told)
        return "done", None

    def _next(self) -> Stage | None:
        """The first stage that is not done; before it, one whose outputs it needs and somebody removed."""
        stage: Stage | None = next((item for item in self.plan.stages if not is_done(self.folder, item)), None)
        for needed in self.plan.stages if stage else ():
            done = self.folder.stage(needed.folder).done
            if not stage or needed.name not in stage.inputs or needed.name in self.remade:
                continue
            if is_done(self.folder, needed) and _lost(done):
                self.remade.add(needed.name)  # once: a stage that never leaves what it names must not go round for ever
                self.ledger.note("output-missing", needed.name, "warning", path=_lost(done))
                done.unlink()
                self.builder.need([needed, stage])
                return self._next()
        return stage

    def _stopping(self) -> bool:
        return self.control.asked() != ""

    def _stage(self, stage: Stage) -> Ending:
        began = time.monotonic()
        try:
            ending = self._attempts(stage)
        except (WizardError, OSError) as error:
            ending = Ending(outcome="failed", problem=self._told(error))
        outcome = ending.outcome if ending.outcome in ("done", "stopped") else "failed"
        seconds = round(time.monotonic() - began, 3)
        self._write("stage-ended", stage=stage.name, outcome=outcome, seconds=seconds, problem=ending.problem)
        return ending

    def _attempts(self, stage: Stage) -> Ending:
        """Tries a stage until its end is final: lower rungs after want of memory, once more after a kill."""
        locks: list[Lock] = []
        restarted = False
        child = self._adopt(stage)
        try:
            while True:
                if child is None:
                    paths = self.builder.get(stage, self._stopping)
                    if isinstance(paths, Problem):
                        return Ending(outcome="failed", problem=paths)
                    if paths is None or not self._take_gpus(stage, locks):
                        return Ending(outcome="stopped")
                    child = self._start(stage, paths, locks)
                ending = self._follow(stage, child)
                child = None
                if ending.outcome == "memory" and (question := self._question(stage, ending)):
                    return replace(ending, problem=question)
                if ending.outcome == "memory" and self._go_down(stage):
                    continue
                if ending.outcome == "killed" and ending.advanced and not restarted:
                    restarted = True
                    self.ledger.note("stage-restarted", stage.name, "warning")
                    continue
                if (final := self.mending.final(stage.name, ending)) is not None:
                    return final
        finally:
            for lock in locks:
                lock.release()

    def _adopt(self, stage: Stage) -> Child | None:
        """A stage that outlived its supervisor; what is left of one that did not is ended."""
        folder = self.folder.stage(stage.folder)
        child = Child.left_in(folder) if locked(folder.lock) else None
        if child is not None:
            self.ledger.note("stage-adopted", stage.name, pid=child.pid)
        else:
            self._sweep(stage)
        return child

    def _take_gpus(self, stage: Stage, locks: list[Lock]) -> bool:
        """In the order of their numbers, so that two runs cannot wait for each other."""
        gpus = self.plan.gpus if self.plan.device == "cuda" and stage.name not in WITHOUT_GPU else ()
        for gpu in sorted(gpus)[len(locks) :]:
            path, told = self.home.locks / f"gpu-{gpu}.lock", False
            while (lock := take(path, patience=POLL_SECONDS)) is None:
                if self._stopping():
                    return False
                if not told:
                    told = True
                    self.ledger.note("gpu-waiting", stage.name, "warning", gpu=gpu)
            locks.append(lock)
        return True

    def _start(self, stage: Stage, paths: Mapping[str, Path], gpu_locks: list[Lock]) -> Child:
        lock = take(self.folder.stage(stage.folder).lock, patience=10.0)
        if lock is None:
            raise WizardError("stage-locked", exit_code=ExitCode.FAILED, stage=stage.name)
        rung = self.history.rungs.get(stage.name, 0)
        attempt = self.history.attempts[stage.name] + 1
        start = Start(
            stage=stage,
            attempt=attempt,
            rung=rung,
            spec=self.history.spec(stage.name),
            environments=paths,
            locks=(lock, *gpu_locks),
        )
        self._write("stage-started", stage=stage.name, attempt=attempt, rung=rung)
        try:
            return spawn(self.plan, self.folder, self.home, start, self.engines.get(stage.engine))
        finally:
            lock.release()  # the stage holds it now, and it must end with the stage

    def _follow(self, stage: Stage, child: Child) -> Ending:
        self.builder.background = True
        if self.meter:
            self.meter.pid = child.pid
        ready_to_stop = self._stop_watch(stage, child)
        keeper = Keeper(self.plan, stage, self.folder, self.home, child.offset)
        while not child.ended():
            child.wait(POLL_SECONDS)
            keeper.look()
            if ready_to_stop():
                child.ask_to_end()
            child.insist()
        keeper.look()
        self.builder.background = False
        if self.meter:
            self.meter.pid = 0
        self._sweep(stage)
        return judge(self.folder, stage, child)

    def _stop_watch(self, stage: Stage, child: Child) -> Callable[[], bool]:
        """Whether to end the stage now: it was asked for, and a checkpoint was written since if that was the wish."""
        events = Tail(self.folder.stage(stage.folder).events, start=child.offset)

        def ready() -> bool:
            asked = self.control.asked()
            if asked != "checkpoint" or stage.service:
                return asked != ""
            checkpoints = [event for event in events.new() if event.get("kind") == "checkpoint"]
            return any(event.get("at", 0) >= self.control.asked_at() for event in checkpoints)

        return ready

    def _sweep(self, stage: Stage) -> None:
        """Workers in sessions of their own hold no lock and get no group signal; the marker finds them."""
        marker = stage_marker(self.folder, stage.name)
        count = processes.end(lambda: processes.marked(marker))
        processes.reap()
        if count:
            self.ledger.note("leftovers-ended", stage.name, "info", count=count)

    def _question(self, stage: Stage, ending: Ending) -> Problem | None:
        """Nothing is lost yet when a rehearsal lacks memory: who started the run may choose to take the next rung."""
        rung, problem = self.history.next_rung(stage.name), ending.problem
        if rung is None or problem is None or problem.code != REHEARSED:
            return None
        if self.plan.concede == "self" or consented(self.folder):
            return None
        changes = dict(stage.rungs[rung])
        told = ", ".join(f"{knob}={value}" for knob, value in changes.items())
        return Problem(code="rehearsal-too-large", params={**problem.params, "changes": changes, "told": told})

    def _go_down(self, stage: Stage) -> bool:
        rung = self.history.next_rung(stage.name)
        if rung is None:
            return False
        before = self.history.rungs.get(stage.name, 0)
        changes = dict(stage.rungs[rung])
        given: dict[str, Any] = {
            "from": before,
            "to": rung,
            "why": "out-of-memory",
            "by": "supervisor",
            "changes": changes,
        }
        self._write("conceded", stage=stage.name, **given)
        return True


def _lost(done: Path) -> str:
    """The first output of a finished stage that is no longer there."""
    outputs = read_json(done).get("outputs") or {}
    return next((str(path) for path in outputs.values() if not Path(str(path)).exists()), "")
