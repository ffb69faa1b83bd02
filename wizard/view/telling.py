"""Contract values put into words: verdicts, times to come. Pure, so that screens only arrange."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.contract import Note, Plan, Problem, RunState, Stage, StageState, Verdict
from wizard.words import known, language, problem, remedy, say, units


def told(fault: Problem) -> dict[str, str]:
    return problem(fault.code, fault.params)


def sentence(*parts: str) -> str:
    """Parts joined as sentences of the language; catalogue texts end without a full stop, and may begin small."""
    stop = say("view.stop")
    first, *others = [part.rstrip(".。 ") for part in parts if part] or [""]
    rise = language() == "en"
    return stop.join([first, *(part[:1].upper() + part[1:] if rise else part for part in others)]).strip()


def losses(found: Mapping[str, float]) -> str:
    """Of the rows kept back, and beside it that of the training's end; first what is easier to understand."""
    told = {name: f"{value:.3f}" for name, value in found.items()}
    plain = [say(f"outcome.{name}", value=value) for name, value in found.items() if known(f"outcome.{name}")]
    return "".join(plain) + say("outcome.losses" if "loss" in told else "outcome.loss_alone", **told)


def quantised(found: Mapping[str, Any]) -> str:
    """Size and perplexity before and after, and whether that is too much."""
    sizes, told = found["bytes"], found["perplexity"]
    numbers = {f"{side}_bytes": sizes[side] for side in sizes} | {f"{side}_perplexity": told[side] for side in told}
    line = say("outcome.quantised_line", format=found["format"], worse=found["worse"], **numbers)
    return say("outcome.quantised_worse", most=found["most_worse"], line=line) if is_worse(found) else line


def is_worse(found: Mapping[str, Any]) -> bool:
    return float(found["worse"]) > float(found["most_worse"])


def why_not(verdict: Verdict) -> str:
    """The arithmetic of a `no`, from its own words."""
    if not verdict.reason:
        return ""
    words = told(verdict.reason)
    first = say("view.recipe.why_not", what=words["what"], why=words["why"])
    return sentence(first, *(told(reason)["what"] for reason in verdict.also))


def shortfall(verdict: Verdict) -> str:
    return told(verdict.reason)["what"] if verdict.reason else ""


def remedies(verdict: Verdict) -> str:
    return say("view.or").join(remedy(way) for way in verdict.remedies)


def cards(verdict: Verdict) -> str:
    """How many train, and beside them those that write answers: `3+1`."""
    apart = f"+{len(verdict.generator.gpus)}" if verdict.generator else ""
    return f"{verdict.knobs.n_gpus}{apart}"


def gave_up(verdict: Verdict) -> str:
    """What the ladder changed so that it fits: `sequence 1024, micro-batch 1`."""
    changed = {name: value for rung in verdict.gave_up for name, value in rung.items()}
    return say("view.comma").join(
        f"{knob_title(name, verdict.task)} {knob_value(value, name)}" for name, value in changed.items()
    )


def knob_title(name: str, task: str = "") -> str:
    """Some are called otherwise where the task is another."""
    own = f"knob.{name}.title_{task}"
    key = own if known(own) else f"knob.{name}.title"
    return say(key) if known(key) else name


def knob_value(value: Any, name: str = "") -> str:
    if name in ("max_steps", "save_minutes") and not value:
        return say(f"knob.{name}.none")
    if isinstance(value, bool):
        return say("view.yes" if value else "view.no")
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def stage_of(state: RunState, name: str = "") -> StageState | None:
    return next((stage for stage in state.stages if stage.name == (name or state.stage)), None)


def phase(stage: StageState) -> str:
    """What a stage is doing now, with how far it is where that can be counted."""
    words = say(f"phase.{stage.phase}") if stage.phase else say(f"view.watch.status.{stage.status}")
    if not stage.total or stage.unit == "steps":
        return words
    if stage.unit == "bytes":
        amount = f"{units.gb(stage.done, unit=False)} / {units.gb(stage.total)}  {units.speed(stage.rate)}".rstrip()
    else:
        amount = f"{stage.done:,.0f} / {stage.total:,.0f}"
    return f"{words}  {amount}"


def remaining(plan: Plan, state: RunState) -> float | None:
    """Seconds to the end: what the current stage's own pace says, then the forecast of those that follow."""
    order = [stage.name for stage in plan.stages]
    if state.stage not in order:
        return None
    exact = {"train": state.forecast["seconds"]} if "seconds" in state.forecast else {}
    told = [exact.get(stage.name, stage.seconds) for stage in plan.stages]
    ahead = sum(told[order.index(state.stage) + 1 :])
    current = stage_of(state)
    forecast = told[order.index(state.stage)]
    if current and state.stage == "train" and state.total and state.latest.get("step_seconds"):
        return ahead + state.latest["step_seconds"] * (state.total - state.step)
    gone = state.updated - current.started if current and current.started else 0.0
    return ahead + max(0.0, forecast - gone)


def on_card(plan: Plan, stage: Stage) -> bool:
    """Whether a stage's memory is the card's; else it is RAM."""
    built = {environment.id: environment.accelerator for environment in plan.environments}
    if plan.device == "cpu" or built.get(stage.environment) == "cpu" or stage.name in ("fetch", "prepare"):
        return False
    return stage.name not in ("merge", "quantise", "evaluate") or plan.forecast.merge_device == "cuda"


def prompts(counts: Mapping[str, int], *, trained: bool) -> str:
    """That the endpoint reads the very tokens: those of the training, else those of the model's own template."""
    return say("outcome.prompts_same" if trained else "outcome.prompts_written", **counts)


def loss_value(loss: float) -> str:
    return f"{loss:.3f}"


def short_path(path: Path | str) -> str:
    """With ~ for the home folder, as shells understand it."""
    text, home = str(path), str(Path.home())
    return "~" + text[len(home) :] if text.startswith(home + os.sep) else text


def short_paths(command: str) -> str:
    """A command with ~ where a shell puts the home folder in its place: before an unquoted word."""
    return re.sub(rf"(^| ){re.escape(str(Path.home()))}/", r"\1~/", command)


def clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def note(line: Note) -> str:
    name = say(f"stage.{line.stage}") if line.stage else ""
    return f"{clock(line.at)} {name}  {say(f'note.{line.code}', **line.params)}"


def progress(state: RunState, *, short: bool = False) -> str:
    """One run on one line: stage, step, loss or reward."""
    parts = [say(f"stage.{state.stage}")] if state.stage else []
    if state.total and state.stage == "train":
        parts.append(f"{state.step}/{state.total}")
    if not short and (value := state.latest.get(state.leading)) is not None:
        parts.append(f"{say(f'metric.{state.leading}')} {loss_value(value)}")
    return "  ".join(parts)


def going(states: Sequence[RunState]) -> RunState | None:
    return next((state for state in states if state.status in ("running", "serving")), None)
