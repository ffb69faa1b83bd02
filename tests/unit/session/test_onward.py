"""From what a run made to a run that quantises or measures it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.formats import drawer
from tests.unit.session.test_desk import identity_plan
from tests.unit.session.test_estimating import CONFIG
from wizard import words
from wizard.contract import Plan
from wizard.errors import WizardError
from wizard.journal import Home, RunFolder, write_json, write_plan
from wizard.session import Desk


@pytest.fixture
def desk(home: Home, tmp_path: Path) -> Desk:
    words.use("en")
    home.root.mkdir()
    return Desk(home, catalog_folder=drawer(tmp_path / "catalogue"))


def finished(desk: Desk, *, merged: bool = True) -> Plan:
    plan = identity_plan(desk)
    folder = RunFolder(desk.home.runs / plan.run)
    folder.path.mkdir(parents=True)
    write_plan(folder.plan, plan)
    stage = next(stage for stage in plan.stages if stage.name == "merge")
    place = folder.stage(stage.folder).path / "merged"
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    if merged:
        done = {"digest": stage.digest, "outputs": {"merged": str(place)}, "result": {}}
        write_json(folder.stage(stage.folder).done, done)
    return plan


def test_the_merged_model_the_rows_and_the_questions_go_on(desk: Desk) -> None:
    before = finished(desk)
    assert desk.ways_on(before.run) == ("quantise", "evaluate")
    found = desk.onward(before.run)
    assert (found.verdict.recipe, found.data, found.questions) == (
        "serve", before.choice.data, before.choice.questions,
    )  # fmt: skip
    model = desk.catalog().models[found.verdict.model]
    assert model.id == before.run.partition("-")[2]
    assert model.sources[0].ref.endswith("04-merge/merged")
    wishes = {"quantise": "fp8", "evaluate": True, "questions": found.questions}
    plan = desk.plan(desk.choose(found.verdict, found.data, **wishes))
    assert [stage.name for stage in plan.stages] == ["fetch", "prepare", "quantise", "evaluate", "serve"]
    assert plan.choice.questions == before.choice.questions


def test_two_runs_are_two_models(desk: Desk) -> None:
    first, second = finished(desk), finished(desk)
    models = {desk.onward(run.run).verdict.model for run in (first, second)}
    assert len(models) == 2


def test_a_run_that_made_no_model_leads_nowhere(desk: Desk) -> None:
    before = finished(desk, merged=False)
    assert desk.ways_on(before.run) == ()
    with pytest.raises(WizardError) as caught:
        desk.onward(before.run)
    assert caught.value.problem.code == "run-made-nothing"
