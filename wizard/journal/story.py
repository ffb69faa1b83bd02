"""A run's state as a pure function of its plan and its events."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from wizard.contract import Note, Plan, RunState, RunStatus
from wizard.journal.curve import Curve
from wizard.journal.lines import Event
from wizard.journal.stage_story import KEEP_NOTES, StageStory, at, note_of, problem_of

SHOWN_NOTES = 100


class Story:
    """Takes events one by one; each file's events in order, the files in any order among themselves."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.stages: dict[str, StageStory] = {stage.name: StageStory(stage) for stage in plan.stages}
        self._folders = {stage.folder: self.stages[stage.name] for stage in plan.stages}
        self._building: dict[str, Event] = {}
        self._notes: deque[Note] = deque(maxlen=KEEP_NOTES)
        self._ended: Event = {}
        self._started = 0.0
        self._updated = 0.0
        self._meter: dict[str, float] = {}
        self._forecast: dict[str, float] = {}

    def supervisor(self, event: Event) -> None:
        self._seen(event)
        kind = event.get("kind")
        stage = self.stages.get(str(event.get("stage")))
        match kind:
            case "run-started":
                self._started = self._started or at(event)
                self._ended = {}
                self._building.clear()
                for story in self.stages.values():
                    story.restart()
            case "run-ended":
                self._ended = event
                self._building.clear()
            case "environment-building":
                self._building[str(event.get("environment"))] = event
            case "environment-ready":
                self._building.pop(str(event.get("environment")), None)
            case "forecast":
                self._forecast = {key: float(value) for key, value in event.items() if isinstance(value, (int, float))}
                self._notes.extend(_forecasts(event))
            case "note":
                self._notes.append(note_of(event, str(event.get("stage", ""))))
                if stage and event.get("code") == "stage-adopted":
                    stage.adopted()
            case "stage-started" | "stage-ended" | "conceded" if stage:
                stage.supervised(event)
                if kind == "conceded":
                    self._notes.append(_concession(event))

    def stage(self, folder: str, event: Event) -> None:
        self._seen(event)
        self._folders[folder].told(event)

    def metric(self, folder: str, line: Event) -> None:
        self._folders[folder].curve.add(line)

    def meter(self, line: Event) -> None:
        self._seen(line)
        values = line.get("values")
        if isinstance(values, dict):
            self._meter = {key: float(value) for key, value in values.items() if isinstance(value, (int, float))}

    def state(self, *, supervised: bool, exact: bool = True, corrupt: Mapping[str, int] | None = None) -> RunState:
        status = self._status(supervised)
        alive = status in ("running", "serving")
        building = self._builders()
        states = tuple(story.state(building.get(name, {}), alive) for name, story in self.stages.items())
        current = self._current(building)
        curve = self._curve(current)
        last = curve.last
        ready = next((story.ready for story in self.stages.values() if alive and story.ready), {})
        checkpoint = max((story.checkpoint for story in self.stages.values()), key=at, default={})
        problem = problem_of(self._ended)
        return RunState(
            run=self.plan.run,
            status=status,
            stages=states,
            stage=current,
            step=last.step if last else 0,
            total=last.total if last else 0,
            latest=last.values if last else {},
            best_loss=curve.best_loss,
            series=curve.series,
            exact=exact,
            meter=self._meter,
            forecast=self._forecast,
            notes=self._shown_notes(corrupt or {}),
            endpoint=str(ready.get("endpoint", "")),
            served_model=str(ready.get("model", "")),
            served_engine=str(ready.get("engine", "")),
            checkpoint_step=int(checkpoint.get("step") or 0),
            checkpoint_at=at(checkpoint),
            problem=problem or next((state.problem for state in states if state.problem), None),
            started=self._started,
            updated=max(self._updated, last.at if last else 0.0),
        )

    def _seen(self, event: Event) -> None:
        self._updated = max(self._updated, at(event))

    def _status(self, supervised: bool) -> RunStatus:
        ended = self._ended.get("status")
        if self._ended:
            return ended if ended in ("done", "failed", "stopped") else "failed"
        if not supervised:
            return "interrupted"
        return "serving" if any(story.ready for story in self.stages.values()) else "running"

    def _builders(self) -> dict[str, Event]:
        """The first stage still waiting for each environment that is being built."""
        waiting: dict[str, Event] = {}
        for environment, event in self._building.items():
            for name, story in self.stages.items():
                wanted = (story.stage.environment, *story.stage.assets)
                if story.status == "waiting" and environment in wanted and name not in waiting:
                    waiting[name] = event
                    break
        return waiting

    def _current(self, building: Mapping[str, Event]) -> str:
        """The stage at work; else the one that ended badly, the one being prepared, the last one done."""
        names = list(self.stages)
        for wanted in (("running",), ("failed", "stopped")):
            if found := [name for name in names if self.stages[name].status in wanted]:
                return found[-1]
        if building:
            return next(name for name in names if name in building)
        done = [name for name in names if self.stages[name].status == "done"]
        return done[-1] if done else ""

    def _curve(self, current: str) -> Curve:
        with_metrics = [story.curve for story in self.stages.values() if story.curve]
        if current and (not with_metrics or self.stages[current].curve):
            return self.stages[current].curve
        return with_metrics[-1] if with_metrics else Curve()

    def _shown_notes(self, corrupt: Mapping[str, int]) -> tuple[Note, ...]:
        notes = [*self._notes, *(note for story in self.stages.values() for note in story.notes)]
        for file, count in corrupt.items():
            params = {"file": file, "count": count}
            notes.append(Note(at=self._updated, stage="", code="corrupt-lines", params=params, level="warning"))
        return tuple(sorted(notes, key=lambda note: note.at)[-SHOWN_NOTES:])


def _forecasts(event: Event) -> Iterable[Note]:
    """The exact one, and what it changes: whether training fits."""
    params = {key: value for key, value in event.items() if key not in ("at", "kind", "stage")}
    exact = Note(at=at(event), stage=str(event.get("stage", "")), code="forecast-exact", params=params)
    yield exact
    status, before = event.get("status"), event.get("status_before")
    if status != before and status in ("fits", "tight", "no"):
        yield replace(exact, code=f"forecast-{status}", level="info" if status == "fits" else "warning")


def _concession(event: Event) -> Note:
    changes = event.get("changes")
    told = ", ".join(f"{knob}={value}" for knob, value in changes.items()) if isinstance(changes, dict) else ""
    code = {"user": "conceded-asked", "watch": "rolled-back"}.get(str(event.get("by")), "conceded")
    params = {"changes": told, "why": event.get("why", "")}
    return Note(at=at(event), stage=str(event["stage"]), code=code, params=params, level="warning")


def fold(
    plan: Plan,
    supervisor: Iterable[Event] = (),
    stages: Mapping[str, Iterable[Event]] | None = None,
    metrics: Mapping[str, Iterable[Event]] | None = None,
    meter: Iterable[Event] = (),
    *,
    supervised: bool = False,
) -> RunState:
    """The state after these events; stages and metrics by the stage's folder."""
    story = Story(plan)
    for event in supervisor:
        story.supervisor(event)
    for folder, events in (stages or {}).items():
        for event in events:
            story.stage(folder, event)
    for folder, lines in (metrics or {}).items():
        for line in lines:
            story.metric(folder, line)
    for reading in meter:
        story.meter(reading)
    return story.state(supervised=supervised)
