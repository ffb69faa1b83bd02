"""An evaluation that is asked for: as a stage of the plan, or refused before anything is fetched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wizard.contract import Choice, DataChoice
from wizard.errors import WizardError
from wizard.session import Desk
from wizard.session.after import fitting, questions_here, widened


def choice(desk: Desk, recipe: str = "identity", **more: Any) -> Choice:
    found = desk.best("identity")
    made = desk.choose(found, desk.bundled_choice(found.recipe), serve=False)
    return replace(made, recipe=recipe, **more)


def test_it_is_a_stage_behind_merging_which_reads_what_was_kept_back(desk: Desk) -> None:
    plan = desk.plan(choice(desk, evaluate=True, benchmarks=("arc-easy", "gsm8k")))
    stage = plan.stages[-1]
    assert (stage.name, stage.engine, stage.outputs) == ("evaluate", "evaluate", ("report",))
    assert {"fetch", "prepare", "train", "merge"} <= set(stage.inputs)
    assert [each["task"] for each in stage.spec["benchmarks"]] == ["arc_easy", "gsm8k"]
    assert stage.spec["benchmarks"][0]["copy"] == f"{desk.home.store}/benchmarks/arc-easy"
    assert stage.seconds > 10 and stage.memory_bytes > 5e8 and stage.disk_bytes > 1e9


def test_a_benchmark_alone_asks_for_an_evaluation(desk: Desk) -> None:
    assert [stage.name for stage in desk.plan(choice(desk, benchmarks=("arc-easy",))).stages][-1] == "evaluate"
    assert [stage.name for stage in desk.plan(choice(desk)).stages][-1] == "merge"


@pytest.mark.parametrize(
    ("recipe", "benchmarks", "code"),
    [
        ("identity", ("arc-eesy",), "unknown-benchmark"),
        ("vision-lora", (), "evaluate-not-for"),
        ("cls-lora", ("arc-easy",), "benchmark-not-for"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_early(desk: Desk, recipe: str, benchmarks: Any, code: str) -> None:
    wish = Choice(recipe=recipe, model="smollm2-135m", knobs=desk.catalog().recipes[recipe].knobs, evaluate=True,
                  data=DataChoice(kind="bundled", ref="self-cognition"), benchmarks=benchmarks)  # fmt: skip
    with pytest.raises(WizardError) as told:
        widened(desk.catalog(), wish)
    assert told.value.problem.code == code
    if code == "unknown-benchmark":
        assert told.value.problem.params["nearest"] == "arc-easy"


def test_a_base_that_no_evaluation_reads_is_refused_early(desk: Desk) -> None:
    catalog, recipe = desk.catalog(), "sft-qlora-awq"
    known = replace(catalog.models["smollm2-135m"], held="awq")
    wish = Choice(recipe=recipe, model=known.id, knobs=catalog.recipes[recipe].knobs, evaluate=True,
                  data=DataChoice(kind="bundled", ref="self-cognition"))  # fmt: skip
    with pytest.raises(WizardError) as told:
        widened(replace(catalog, models={known.id: known}), wish)
    assert told.value.problem.code == "evaluate-held" and told.value.problem.params["held"] == "AWQ"


def test_questions_that_are_neither_here_nor_to_be_had_stop_the_start(desk: Desk, tmp_path: Path) -> None:
    asked: list[str] = []

    def hubs(**seconds: float | None) -> Any:
        asked.append("once")
        return lambda: seconds

    wish = choice(desk, benchmarks=("arc-easy", "gsm8k"))
    questions_here(wish, desk.catalog(), tmp_path, hubs(huggingface=0.1, modelscope=0.1))
    with pytest.raises(WizardError) as told:
        questions_here(wish, desk.catalog(), tmp_path, hubs(huggingface=0.1, modelscope=None))
    params = told.value.problem.params
    assert (params["benchmark"], params["path"]) == ("gsm8k", f"{tmp_path}/benchmarks/gsm8k")
    (tmp_path / "benchmarks" / "gsm8k").mkdir(parents=True)
    questions_here(wish, desk.catalog(), tmp_path, hubs(huggingface=0.1, modelscope=None))


def test_every_benchmark_says_what_it_tells_in_both_languages(desk: Desk) -> None:
    for benchmark in desk.catalog().benchmarks.values():
        assert set(benchmark.title) == set(benchmark.measures) == {"en", "zh"}
        assert benchmark.n and benchmark.data


@pytest.mark.parametrize(
    ("recipe", "model", "wish", "code"),
    [
        ("serve", "qwen3-0.6b", {"quantise": "gptq-int4"}, "format-needs-rows"),
        ("serve", "qwen2.5-vl-3b", {"quantise": "fp8-dynamic"}, "format-not-for-task"),
        ("serve", "qwen2.5-vl-3b", {"evaluate": True}, "evaluate-not-for"),
    ],
)
def test_what_a_model_or_its_data_cannot_do_is_told_before_it_is_fetched(
    desk: Desk, recipe: str, model: str, wish: dict[str, Any], code: str
) -> None:
    knobs, data = desk.catalog().recipes[recipe].knobs, DataChoice(kind="none", ref="")
    with pytest.raises(WizardError) as told:
        widened(desk.catalog(), Choice(recipe=recipe, model=model, knobs=knobs, data=data, **wish))
    assert told.value.problem.code == code


def test_an_engine_of_another_format_is_not_kept(desk: Desk) -> None:
    wish = choice(desk, quantise="gguf-q8")
    named = {"quantise": "compress", "train": "trl"}
    assert fitting(named, wish, widened(desk.catalog(), wish)) == {"train": "trl"}
