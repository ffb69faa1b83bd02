"""A run told in lines, from wherever it is now until it ends or serves."""

from __future__ import annotations

import time

from wizard.contract import Note, RunState, StageState
from wizard.plain.output import BOLD, DIM, paint, talk
from wizard.session import Desk
from wizard.words import say, units

POLL_SECONDS = 0.25
PROGRESS_SECONDS = 3.0
STEPPING = "train"  # the phase that has steps
ENDED = ("done", "failed", "stopped", "interrupted")


class Teller:
    """Remembers what was said, so that each change is one line and nothing is said twice."""

    def __init__(self) -> None:
        self._seen: dict[str, StageState] = {}
        self._opened: dict[str, bool] = {}
        self._notes = 0
        self._step = -1
        self._progress = ""
        self._progress_at = 0.0

    def tell(self, state: RunState) -> None:
        """Steps come after the phase they are made in, and before what follows it."""
        for stage in state.stages:
            self._open(stage, state.stage)
            if stage.phase == STEPPING and stage.status == "running":
                self._tell_stage(stage)
        self._tell_step(state)
        for stage in state.stages:
            self._tell_stage(stage)
        for note in state.notes[self._notes :]:
            talk(f"  {_note_line(note)}")
        self._notes = len(state.notes)
        self._tell_progress(state)

    def _before(self, stage: StageState) -> StageState:
        return self._seen.get(stage.name, StageState(name=stage.name))

    def _open(self, stage: StageState, current: str) -> None:
        name = say(f"stage.{stage.name}")
        if stage.status == "building" and stage.name != current:
            if self._before(stage).status != "building":
                talk(paint(f"    {say('plain.meanwhile', stage=name)}", DIM))
        elif stage.status in ("building", "running") and not self._opened.get(stage.name):
            self._opened[stage.name] = True
            talk(paint(f"[>] {name}", BOLD))

    def _tell_stage(self, stage: StageState) -> None:
        before, name = self._before(stage), say(f"stage.{stage.name}")
        self._seen[stage.name] = stage
        if stage.status == "done" and before.status != "done":
            talk(f"[v] {name}  {units.seconds(max(0.0, stage.ended - stage.started))}")
        elif stage.status == "failed" and before.status != "failed":
            talk(f"[x] {name}")
        elif stage.status == "ready" and before.status != "ready":
            talk(f"[v] {name}  {say('plain.ready')}")
        elif stage.phase and stage.phase != before.phase and self._opened.get(stage.name):
            talk(f"    {say(f'phase.{stage.phase}')}")

    def _tell_step(self, state: RunState) -> None:
        if state.step == self._step or not state.latest or state.stage != "train":
            return
        self._step = state.step
        values = state.latest
        parts = [
            f"{state.step}/{state.total}",
            f"{say(f'metric.{state.leading}')} {values.get(state.leading, float('nan')):.3f}",
        ]
        if values.get("tokens_per_second"):
            parts.append(f"{values['tokens_per_second']:.0f} tok/s")
        if values.get("step_seconds"):
            left = values["step_seconds"] * max(0, state.total - state.step)
            parts.append(f"{say('metric.eta')} {units.seconds(left)}")
        talk("    " + "  ".join(parts))

    def _tell_progress(self, state: RunState) -> None:
        """Every few seconds while something is counted, and only when the count has moved."""
        stage = next((stage for stage in state.stages if stage.name == state.stage), None)
        if (
            not stage
            or not stage.total
            or not stage.done
            or stage.unit == "steps"
            or stage.status not in ("building", "running")
        ):
            return
        text, now = progress(stage), time.monotonic()
        if text != self._progress and now - self._progress_at > PROGRESS_SECONDS:
            self._progress, self._progress_at = text, now
            talk(paint(f"    {text}", DIM))


def progress(stage: StageState) -> str:
    if stage.unit == "bytes":
        return f"{units.gb(stage.done)} / {units.gb(stage.total)}  {units.speed(stage.rate)}".rstrip()
    return f"{stage.done:.0f} / {stage.total:.0f} {say('unit.' + stage.unit)}"


def _note_line(note: Note) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(note.at))
    stage = say(f"stage.{note.stage}") if note.stage else ""
    return f"{clock} {stage}  {say('note.' + note.code, **note.params)}"


def follow(desk: Desk, run: str, *, quiet: bool = False) -> RunState:
    """Lines until the run ends or its model answers. Ctrl-C only stops the telling: the run goes on."""
    watch, teller = desk.watch(run), Teller()
    while True:
        state = watch.poll()
        if not quiet:
            teller.tell(state)
        if state.status in ENDED or (state.status == "serving" and _answered(state)):
            return state
        time.sleep(POLL_SECONDS)


def until_ended(desk: Desk, run: str) -> None:
    """A stage has some seconds to end by itself before it is killed."""
    watch = desk.watch(run)
    while watch.poll().status not in ENDED:
        time.sleep(POLL_SECONDS)


def _answered(state: RunState) -> bool:
    serve = next((stage for stage in state.stages if stage.name == "serve"), None)
    return bool(state.endpoint and serve and serve.status == "ready")
