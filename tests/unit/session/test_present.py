from __future__ import annotations

from dataclasses import replace

import pytest

from wizard.contract import Plan
from wizard.journal import Home
from wizard.run import environments
from wizard.session import Desk


def plan_of(desk: Desk) -> Plan:
    verdict = desk.best("identity")
    return desk.plan(desk.choose(verdict, desk.bundled_choice(verdict.recipe)))


def build(desk: Desk, plan: Plan, *engines: str) -> None:
    for environment in plan.environments:
        if environment.engine in engines:
            folder = environments.folder_of(desk.home, environment)
            folder.mkdir(parents=True)
            (folder / ".ready").write_text("{}")


def fetch(desk: Desk, model: str) -> None:
    folder = desk.home.models / model
    folder.mkdir(parents=True)
    (folder / "fetched.json").write_text("{}")


@pytest.fixture
def first(desk: Desk) -> Plan:
    return plan_of(desk)


def disk(plan: Plan) -> dict[str, int]:
    return {stage.name: stage.disk_bytes for stage in plan.stages}


def test_an_environment_that_is_built_takes_no_disk_again(desk: Desk, first: Plan) -> None:
    build(desk, first, "trl")
    then, now = disk(first), disk(plan_of(desk))
    engine = desk.catalog().engines["trl"].disk_bytes[first.forecast.accelerator]
    assert then["fetch"] - now["fetch"] == engine
    assert now["serve"] == then["serve"]
    assert first.forecast.disk_bytes - plan_of(desk).forecast.disk_bytes == engine


def test_one_that_was_cut_off_does_not_count(desk: Desk, first: Plan) -> None:
    build(desk, first, "trl")
    for stamp in desk.home.envs.glob("*/.ready"):
        stamp.unlink()
    assert disk(plan_of(desk)) == disk(first)


def test_one_of_another_package_list_does_not_count(desk: Desk, first: Plan) -> None:
    (desk.home.envs / "trl-0123456789abcdef").mkdir(parents=True)
    (desk.home.envs / "trl-0123456789abcdef" / ".ready").touch()
    assert disk(plan_of(desk)) == disk(first)


def test_a_model_that_is_here_is_neither_downloaded_nor_stored_again(desk: Desk, first: Plan) -> None:
    fetch(desk, first.choice.model)
    again = plan_of(desk)
    assert (first.forecast.download_bytes > 0, again.forecast.download_bytes) == (True, 0)
    assert again.forecast.seconds < first.forecast.seconds
    saved = desk.catalog().models[first.choice.model].params * 2
    assert disk(first)["fetch"] - disk(again)["fetch"] == saved


def test_what_is_here_changes_no_digest(desk: Desk, first: Plan) -> None:
    fetch(desk, first.choice.model)
    build(desk, first, "trl", "smollm2")
    assert [stage.digest for stage in plan_of(desk).stages] == [stage.digest for stage in first.stages]


def test_a_pretended_machine_has_nothing(home: Home) -> None:
    home.root.mkdir()
    desk = Desk(home, pretend="rtx-4090")
    before = desk.best("sft")
    fetch(desk, before.model)
    assert desk.best("sft").download_bytes == before.download_bytes > 0


def test_a_replay_with_lists_of_its_own_builds_its_environments(desk: Desk, first: Plan) -> None:
    build(desk, first, "trl")
    trl = next(environment.id for environment in first.environments if environment.engine == "trl")
    choice = replace(first.choice, requirements={trl: "torch==1.0\n"})
    assert disk(desk.plan(choice))["fetch"] == disk(first)["fetch"]


def test_a_replay_whose_lists_are_built_takes_no_disk_for_them(desk: Desk, first: Plan) -> None:
    lists = {item.id: desk.lock_text(_lock(desk, item.engine)) for item in first.environments}
    build(desk, first, *(item.engine for item in first.environments))
    replayed = desk.plan(replace(first.choice, requirements=lists))
    assert disk(replayed) == disk(plan_of(desk))
    other = desk.plan(replace(first.choice, requirements={id: text + "# newer\n" for id, text in lists.items()}))
    assert disk(other) == disk(first)


def test_only_what_is_not_built_is_to_be_built(desk: Desk, first: Plan) -> None:
    assert desk.unbuilt(first) == first.environments
    build(desk, first, "trl")
    assert [item.engine for item in desk.unbuilt(first)] == [
        item.engine for item in first.environments if item.engine != "trl"
    ]


def _lock(desk: Desk, engine: str) -> str:
    known = desk.catalog().engines[engine]
    return known.locks.get("cpu-py311") or known.locks["cpu"]
