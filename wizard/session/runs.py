"""The runs of this machine: listed, named by any clear part of their name, stopped, gone on with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from wizard import plan as planning
from wizard import run as engine_room
from wizard.contract import Choice, Plan, RunState, RunStatus
from wizard.errors import WizardError
from wizard.journal import Home, RunFolder, Watch, read_plan
from wizard.strict import nearest

BROKEN_OFF: tuple[RunStatus, ...] = ("running", "interrupted", "failed")
UNFINISHED: tuple[RunStatus, ...] = (*BROKEN_OFF, "stopped")  # on purpose
HOPELESS = ("lib-missing", "environment-unknown")  # what they advise is a new run


def names(home: Home) -> tuple[str, ...]:
    """Newest first; a folder without a plan is a launch that never happened and is no run."""
    found = [path for path in home.runs.glob("*") if (path / "plan.json").exists()]
    return tuple(path.name for path in sorted(found, key=lambda path: path.stat().st_ctime, reverse=True))


def going(home: Home) -> tuple[str, ...]:
    return tuple(folder.name for folder in engine_room.going(RunFolder(home.runs / name) for name in names(home)))


def resolve(home: Home, name: str) -> RunFolder:
    """The run called `name`, or the only one whose name contains it."""
    known = names(home)
    if name in known:
        return RunFolder(home.runs / name)
    matches = [known_name for known_name in known if name in known_name]
    if len(matches) == 1:
        return RunFolder(home.runs / matches[0])
    if matches:
        raise WizardError("run-ambiguous", run=name, runs=", ".join(matches[:6]))
    raise WizardError("run-unknown", run=name, runs=", ".join(known[:6]) or "-")


def plan_of(folder: RunFolder) -> Plan:
    try:
        return read_plan(folder.plan)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WizardError("plan-unreadable", path=str(folder.plan), error=str(error)) from error


def state_of(folder: RunFolder) -> RunState:
    return Watch(folder).poll()


def told_whole(folder: RunFolder) -> RunState:
    watch = Watch(folder)
    watch.complete()
    return watch.poll()


def supervisor_command(folder: RunFolder) -> tuple[str, ...]:
    return (sys.executable, "-m", "wizard", "supervise", str(folder.path))


def resume(folder: RunFolder, changes: dict[str, Any], *, yes: bool = False) -> str:
    """Go on where it stopped; a run that is still supervised is simply attached to. `yes`: it need not ask again."""
    if not engine_room.supervised(folder):
        if yes:
            engine_room.consent(folder)
        refuse_nonsense(changes)
        for stage, given in _by_stage(changes).items():
            engine_room.concede(folder, stage, given)
        engine_room.launch(folder, supervisor_command(folder))
    return folder.path.name


def refuse_nonsense(changes: Mapping[str, Any]) -> None:
    for knob, value in changes.items():
        if value < (least := planning.LEAST.get(knob, value)):
            raise WizardError("knob-too-small", knob=knob, value=value, least=f"{least:g}")
        if value > (most := planning.MOST.get(knob, value)):
            raise WizardError("knob-too-large", knob=knob, value=value, most=f"{most:g}")


def _by_stage(changes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    given = {"train": {k: v for k, v in changes.items() if k != "port"}}
    given["serve"] = {k: v for k, v in changes.items() if k == "port"}
    return {stage: some for stage, some in given.items() if some}


def unfinished(home: Home, alike: Callable[[Choice], bool], among: Collection[RunStatus]) -> str | None:
    """The newest run of such a choice, if it got no further than that and can be gone on with."""
    for folder in (RunFolder(home.runs / name) for name in names(home)):
        try:
            plan = plan_of(folder)
        except WizardError:  # of one that cannot be read nothing is known
            continue
        if alike(plan.choice):
            return folder.name if state_of(folder).status in among and _goes_on(folder, plan) else None
    return None


def _goes_on(folder: RunFolder, plan: Plan) -> bool:
    """Not where all is done and only the end was not told yet, nor where all advice is to start anew."""
    problem = state_of(folder).problem
    done = all(engine_room.is_done(folder, stage) for stage in plan.stages)
    return not done and (problem is None or problem.code not in HOPELESS)


def exported(folder: RunFolder) -> str:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.environments.glob("*.txt"))}
    facts = {stage.name: dict(stage.result) for stage in state_of(folder).stages if stage.result}
    return planning.to_toml(plan_of(folder), texts, facts)


def exported_as(folder: RunFolder, form: str, nodes: int) -> str:
    """For a cluster's scheduler. `nodes`: machines, 0 for as many as the plan has."""
    if form not in planning.FORMS:
        near = nearest(form, planning.FORMS)
        raise WizardError("usage-unknown", what="--as", found=form, known=", ".join(planning.FORMS), nearest=near)
    return planning.FORMS[form](planning.job_of(plan_of(folder), nodes))


def package_root() -> Path:
    return Path(__file__).resolve().parents[1]
