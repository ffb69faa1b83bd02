"""What is known of one stage: the supervisor's word on it, and its own."""

from __future__ import annotations

from collections import deque
from typing import Any

from wizard.contract import Note, Problem, Rehearsal, Stage, StageState, StageStatus
from wizard.journal.curve import Curve
from wizard.journal.lines import Event

KEEP_NOTES = 200


class StageStory:
    """Events of the two files meet only in `state`, so the order in which the files are read does not matter."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.curve = Curve()
        self.notes: deque[Note] = deque(maxlen=KEEP_NOTES)
        self.status: StageStatus = "waiting"
        self.attempt = 0
        self.rung = 0
        self.started = 0.0
        self.ended = 0.0
        self.problem: Problem | None = None
        self.checkpoint: Event = {}
        self.result: dict[str, Any] = {}
        self.rehearsal: Rehearsal | None = None
        self._phase: Event = {}
        self._progress: Event = {}
        self._ready: Event = {}

    @property
    def ready(self) -> Event:
        """The endpoint of this attempt, while it runs."""
        return self._ready if self.status == "running" and self._fresh(self._ready) else {}

    def restart(self) -> None:
        if self.status != "done":
            self.status, self.problem = "waiting", None

    def adopted(self) -> None:
        """It outlived the supervisor that started it: what it said since then still holds."""
        self.status = "running"

    def supervised(self, event: Event) -> None:
        """An event of the supervisor about this stage."""
        match event["kind"]:
            case "stage-started":
                self.status, self.problem = "running", None
                self.attempt, self.rung = _whole(event.get("attempt")), _whole(event.get("rung"))
                self.started, self.ended = at(event), 0.0
            case "stage-ended":
                outcome = event.get("outcome")
                self.status = outcome if outcome in ("done", "failed", "stopped") else "failed"
                self.ended = at(event)
                self.problem = problem_of(event)
            case "conceded":
                self.rung = _whole(event.get("to"))

    def told(self, event: Event) -> None:
        """An event that the stage wrote."""
        match event.get("kind"):
            case "phase":
                self._phase, self._progress, self._ready = event, {}, {}  # what was ready is no more
            case "progress":
                self._progress = event
            case "note":
                self.notes.append(note_of(event, self.stage.name))
            case "checkpoint":
                self.checkpoint = event
            case "result":
                self.result = {key: value for key, value in event.items() if key not in ("at", "kind")}
            case "rehearsed":
                self.rehearsal = rehearsal_of(event)
                self.notes.append(_told_rehearsal(event, self.stage.name))
            case "ready":
                self._ready = event

    def state(self, building: Event, alive: bool) -> StageState:
        progress = self._progress if self._fresh(self._progress) else {}
        phase = str(self._phase.get("code", "")) if self._fresh(self._phase) else ""
        status = "ready" if self.ready else self.status
        if building:
            status, phase, progress = "building", f"environment-{building.get('phase')}", building
        if not alive and status in ("running", "building", "ready"):
            status = "stopped"
        return StageState(
            name=self.stage.name,
            status=status,
            attempt=self.attempt,
            rung=self.rung,
            phase=phase,
            done=_number(progress.get("done")),
            total=_number(progress.get("total")),
            unit=str(progress.get("unit", "packages" if building else "")),
            rate=_number(progress.get("rate")),
            started=self.started,
            ended=at(self.ready) if status == "ready" else self.ended,
            problem=self.problem,
            result=self.result,
            rehearsal=self.rehearsal,
        )

    def _fresh(self, event: Event) -> bool:
        return bool(event) and at(event) >= self.started


def at(event: Event) -> float:
    return _number(event.get("at"))


def note_of(event: Event, stage: str) -> Note:
    level, params = event.get("level"), event.get("params")
    return Note(
        at=at(event),
        stage=stage,
        code=str(event.get("code", "")),
        params=params if isinstance(params, dict) else {},
        level=level if level in ("info", "warning", "error") else "info",
    )


def problem_of(event: Event) -> Problem | None:
    problem = event.get("problem")
    if not isinstance(problem, dict) or "code" not in problem:
        return None
    params = problem.get("params")
    return Problem(code=str(problem["code"]), params=params if isinstance(params, dict) else {})


def rehearsal_of(event: Event) -> Rehearsal:
    return Rehearsal(
        at=at(event),
        rung=_whole(event.get("rung")),
        longest=_whole(event.get("longest")),
        predicted=_numbers(event.get("predicted")),
        measured=_numbers(event.get("measured")),
        ratio=_number(event.get("ratio")),
    )


def _told_rehearsal(event: Event, stage: str) -> Note:
    """Measured beside forecast, for people; what it was measured on differs where all rows are short."""
    told = rehearsal_of(event)
    params = {
        "measured_bytes": told.measured.get("card_bytes", 0.0),
        "forecast_bytes": told.predicted.get("card_bytes", 0.0),
        "seconds": round(told.measured.get("seconds_per_step", 0.0), 3),
        "longest": told.longest,
    }
    return Note(at=told.at, stage=stage, code="rehearsed" if told.predicted else "rehearsed-alone", params=params)


def _numbers(values: Any) -> dict[str, float]:
    found = values if isinstance(values, dict) else {}
    return {key: float(value) for key, value in found.items() if isinstance(value, (int, float))}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0
