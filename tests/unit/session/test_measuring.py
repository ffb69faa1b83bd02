"""`evaluate RUN` after the fact: what the stage is told, and what is refused."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wizard.errors import WizardError
from wizard.journal import RunFolder, StageFolder, write_plan
from wizard.session import Desk, measuring


def no_progress(*_: object) -> None:
    """Nobody looks."""


def finished(desk: Desk, *, evaluate: bool = False, until: str = "merge") -> RunFolder:
    """A run whose stages left what they leave."""
    found = desk.best("identity")
    plan = desk.plan(replace(desk.choose(found, desk.bundled_choice(found.recipe), serve=False), evaluate=evaluate))
    folder = RunFolder(desk.home.runs / plan.run)
    folder.path.mkdir(parents=True)
    write_plan(folder.plan, plan)
    for stage in plan.stages:
        place = folder.stage(stage.folder)
        place.path.mkdir()
        outputs = {name: str(place.path / name) for name in stage.outputs}
        place.done.write_text(json.dumps({"digest": stage.digest, "outputs": outputs}))
        if stage.name == until:
            break
    return folder


def test_the_stage_is_told_what_one_of_the_plan_would_be(desk: Desk) -> None:
    folder = finished(desk)
    plan = desk.plan_of(folder.name)
    told = measuring.order(desk, plan, plan.choice, measuring.inputs_of(plan, folder))
    planned = next(stage for stage in desk.plan(replace(plan.choice, evaluate=True)).stages if stage.name == "evaluate")
    assert json.loads(json.dumps(told["spec"])) == json.loads(json.dumps(dict(planned.spec)))
    assert set(told["inputs"]) == set(planned.inputs)


@pytest.mark.parametrize(
    ("options", "code"), [({"evaluate": True}, "evaluate-by-run"), ({"until": "train"}, "evaluate-too-early")]
)
def test_a_run_that_does_it_itself_or_has_no_model_yet_is_refused(
    desk: Desk, options: dict[str, bool], code: str
) -> None:
    folder = finished(desk, **options)  # type: ignore[arg-type]
    with pytest.raises(WizardError) as told:
        desk.evaluations.make(folder.name, (), no_progress, lambda event: None)
    assert told.value.problem.code == code


def test_without_checkpoints_nothing_is_built_for_them(desk: Desk) -> None:
    folder = finished(desk)
    with pytest.raises(WizardError) as told:
        desk.evaluations.make(folder.name, (), no_progress, lambda event: None, checkpoints=True)
    assert told.value.problem.code == "checkpoints-none"
    assert told.value.problem.params["path"] == str(folder.path / "03-train" / "checkpoints")


@pytest.mark.parametrize("itself", [True, False])
def test_a_run_that_evaluated_itself_stays_done_when_its_checkpoints_are_measured(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, itself: bool
) -> None:
    folder = finished(desk, evaluate=itself, until="evaluate")
    (folder.path / "03-train" / "checkpoints" / "checkpoint-2").mkdir(parents=True)
    monkeypatch.setattr(measuring.jobs, "ready", lambda *_: Path(sys.prefix))
    monkeypatch.setattr(measuring, "followed", lambda stage, *_: stage.path / "report.json")
    desk.evaluations.make(folder.name, (), no_progress, lambda event: None, checkpoints=True)
    told = json.loads(folder.stage("06-evaluate").spec.read_text())
    assert told["spec"]["checkpoints"] is True and set(told["inputs"]) == {"fetch", "prepare", "train", "merge"}
    own = next((stage.digest for stage in desk.plan_of(folder.name).stages if stage.name == "evaluate"), None)
    assert told["digest"] == (own or "after-the-fact")


def test_what_a_report_has_is_told_again_and_not_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = finished(desk)
    checkpoints = folder.path / "03-train" / "checkpoints"
    (checkpoints / "checkpoint-2").mkdir(parents=True)
    monkeypatch.setattr(measuring.jobs, "ready", lambda *_: Path(sys.prefix))
    monkeypatch.setattr(measuring, "followed", lambda stage, *_: stage.path / "report.json")
    one, other, gone = *list(desk.catalog().benchmarks)[:2], "of-a-catalogue-that-has-gone"
    (desk.home.store / "benchmarks" / other).mkdir(parents=True)  # of `one` there is neither a copy nor a hub

    def told(*benchmarks: str, **asked: bool) -> tuple[dict[str, bool], bool]:
        desk.evaluations.make(folder.name, benchmarks, no_progress, lambda event: None, **asked)
        spec = json.loads(folder.stage("06-evaluate").spec.read_text())["spec"]
        return {each["id"]: each.get("kept", False) for each in spec["benchmarks"]}, spec.get("checkpoints", False)

    def reported(*results: tuple[str, str]) -> None:
        rows = [{"subject": subject, "source": source} for subject, source in results]
        (folder.stage("06-evaluate").path / "report.json").write_text(json.dumps({"results": rows}))

    assert told(other) == ({other: False}, False)
    assert told() == ({}, False), "what was broken off is not asked again unless somebody does"
    reported(("base", "own"), ("tuned", one), ("tuned", gone))
    assert told() == ({one: True}, False)
    assert told(other) == ({other: False, one: True}, False)
    assert told(checkpoints=True) == ({one: True}, True)
    reported(("checkpoint-2", "own"), ("tuned", other))
    assert told() == ({other: True}, True)
    assert told(other) == ({other: False}, True)
    (checkpoints / "checkpoint-2").rmdir()
    assert told() == ({other: True}, False)


STAGE = """import json, pathlib, sys
with pathlib.Path(sys.argv[1], "events.jsonl").open("a") as file:
    for event in {events}:
        print(json.dumps(event), file=file)
sys.exit({code})
"""


@pytest.mark.parametrize(
    ("events", "code", "raised"),
    [
        ([{"kind": "phase", "code": "load-libraries"}], 0, ""),
        ([{"kind": "failed", "problem": {"code": "disk-full", "params": {"path": "/"}}}], 1, "disk-full"),
        ([], 9, "job-ended"),
    ],
)
def test_its_events_are_told_and_its_failure_is_raised(
    tmp_path: Path, events: list[dict[str, object]], code: int, raised: str
) -> None:
    package = tmp_path / "lib" / "wizard" / "stages"
    package.mkdir(parents=True)
    (package / "evaluate.py").write_text(STAGE.format(events=events, code=code))
    stage, told = StageFolder(tmp_path / "stage"), list[dict[str, object]]()
    stage.path.mkdir()
    stage.events.write_text('{"kind": "phase", "code": "of-an-earlier-time"}\n')
    variables = {**os.environ, "PYTHONPATH": str(tmp_path / "lib")}
    if raised:
        with pytest.raises(WizardError) as error:
            measuring.followed(stage, Path(sys.executable), variables, told.append)
        assert error.value.problem.code == raised
    else:
        measuring.followed(stage, Path(sys.executable), variables, told.append)
    assert told == events
