"""What the end of a stage's process means."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

from wizard.contract import Problem, Stage
from wizard.journal import Event, RunFolder, Tail, last_lines, read_json
from wizard.run.child import Child
from wizard.run.ledger import free_bytes, full_disk
from wizard.run.spawn import is_done
from wizard.run.uv import mask

OUT_OF_MEMORY, STOPPED = 75, 143
_KILLED = (signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS)
_BROKEN = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)
FULL_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """`memory` may go down the ladder and `killed` may be tried once more; the rest is final."""

    outcome: Literal["done", "failed", "stopped", "memory", "killed"]
    problem: Problem | None = None
    advanced: bool = False  # it had got somewhere, so that another try may get further
    served: bool = False


def judge(folder: RunFolder, stage: Stage, child: Child) -> Ending:
    """done.json with the right digest is the only success; an exit code alone proves nothing."""
    events = Tail(folder.stage(stage.folder).events, start=child.offset).new()
    advanced = any(event.get("kind") in ("checkpoint", "progress", "ready", "result") for event in events)
    if is_done(folder, stage):
        return Ending(outcome="done")
    told = next((problem for event in reversed(events) if (problem := _told(event))), None)
    if child.asked_to_end or (child.code == STOPPED and told is None):  # by whoever shuts the machine down
        served = any(event.get("kind") == "ready" for event in events)
        return Ending(outcome="stopped", problem=told, served=served)
    code = child.code
    if code == OUT_OF_MEMORY or (told and told.code.endswith("out-of-memory")):
        return Ending(outcome="memory", problem=told or _problem(folder, stage, "stage-out-of-memory"))
    if told:
        return Ending(outcome="failed", problem=told)
    if free_bytes(folder.path) < FULL_BYTES:
        return Ending(outcome="failed", problem=full_disk(folder.path))
    if code and -code in _BROKEN and (path := read_json(folder.stage(stage.folder).reading).get("path")):
        return Ending(outcome="failed", problem=Problem(code="data-reader-died", params={"path": path}))
    if code is None or -code in _KILLED:
        name = signal.Signals(-code).name if code else "?"
        problem = _problem(folder, stage, "stage-killed", signal=name)
        return Ending(outcome="killed", problem=problem, advanced=advanced)
    if code < 0:
        problem = _problem(folder, stage, "stage-killed", signal=signal.Signals(-code).name)
        return Ending(outcome="failed", problem=problem)
    wrong = "service-ended" if stage.service and code == 0 else "stage-crashed"
    return Ending(outcome="failed", problem=_problem(folder, stage, wrong, exit_code=code))


def _told(event: Event) -> Problem | None:
    problem = event.get("problem")
    if event.get("kind") != "failed" or not isinstance(problem, dict):
        return None
    return Problem(code=str(problem.get("code")), params=dict(problem.get("params") or {}))


def _problem(folder: RunFolder, stage: Stage, code: str, /, **params: object) -> Problem:
    log = folder.stage(stage.folder).log
    last = mask("".join(last_lines(log, 1)))
    return Problem(code=code, params={"stage": stage.name, "log": str(log), "last": last, **params})
