"""What is wanted of a model once it is there: which formats can be had, and the plan that follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.formats import drawer
from wizard import words
from wizard.contract import Catalog, Choice, DataChoice, Plan
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.plan import from_toml, to_toml
from wizard.session import Desk

ROWS = '{"question": "Who?", "answer": "Me."}\n{"question": "Where?", "answer": "Here."}\n'


def only_these(catalog: Catalog, folder: Path) -> Catalog:
    named = {path.stem for path in (folder / "formats").glob("*.toml")}
    return replace(catalog, formats={id: each for id, each in catalog.formats.items() if id in named})


@pytest.fixture
def at(home: Home, tmp_path: Path) -> Callable[..., Desk]:
    def make(**options: Any) -> Desk:
        words.use("en")
        home.root.mkdir(exist_ok=True)
        folder = tmp_path / "catalogue"
        desk = Desk(home, catalog_folder=folder if folder.exists() else drawer(folder), **options)
        desk._drawers = only_these(desk.catalog(), folder)
        return desk

    return make


def told(desk: Desk, **options: Any) -> dict[str, tuple[bool, str]]:
    found = desk.smaller("serve", "smollm2-135m", **{"rows": True, **options})
    assert [each.able for each in found] == sorted((each.able for each in found), reverse=True)
    return {each.format.id: (each.able, each.told) for each in found}


def planned(desk: Desk, data: DataChoice | None = None, **wishes: Any) -> Plan:
    verdict = desk.judge("serve", "smollm2-135m")
    return desk.plan(desk.choose(verdict, data or DataChoice(kind="none"), **wishes))


def names(plan: Plan) -> list[str]:
    return [stage.name for stage in plan.stages]


def fault(work: Callable[[], object]) -> str:
    with pytest.raises(WizardError) as caught:
        work()
    assert words.known(f"problem.{caught.value.problem.code}.what")
    return caught.value.problem.code


def test_a_format_is_offered_with_the_engine_that_loads_it_here(at: Callable[..., Desk]) -> None:
    found = told(at())
    assert found["fp8"] == (True, "vLLM (CPU): run on an AVX2 CPU")
    assert found["int8"][0]


def test_others_are_listed_with_the_reason(at: Callable[..., Desk]) -> None:
    desk = at()
    assert told(desk)["awq"] == (False, "vLLM (CPU): dies at the first request without AVX-512")
    assert told(desk)["odd"] == (False, "needs the engine `absent`, which the catalogue lacks")
    assert told(desk, rows=False)["int8"] == (
        False,
        "reads rows to choose its numbers: bring some on the data step",
    )
    assert told(desk, serve=False)["awq"][0]


@pytest.mark.parametrize(("board", "able"), [("rtx-4090", True), ("rtx-3090", False)])
def test_a_card_that_is_too_old_for_a_format_is_told_what_would_do(
    at: Callable[..., Desk], board: str, able: bool
) -> None:
    desk = at(pretend=board)
    recipe = desk.catalog().recipes["serve"]
    cards = replace(recipe, engines={**recipe.engines, "serve": ("vllm",)})
    desk._drawers = replace(desk.catalog(), recipes={**desk.catalog().recipes, "serve": cards})
    assert told(desk)["fp8"][0] is able
    assert able or told(desk)["fp8"][1].endswith("compute capability 8.9 on")


def test_each_wish_is_a_stage_and_rows_are_made_ready_for_it(at: Callable[..., Desk], tmp_path: Path) -> None:
    desk, file = at(), tmp_path / "rows.jsonl"
    file.write_text(ROWS, encoding="utf-8")
    assert names(planned(desk)) == ["fetch", "serve"]
    assert names(planned(desk, quantise="fp8")) == ["fetch", "quantise", "serve"]
    rows = desk.data_choice(str(file))
    assert names(planned(desk, rows)) == ["fetch", "serve"]
    both = planned(desk, rows, quantise="int8", evaluate=True)
    assert names(both) == ["fetch", "prepare", "quantise", "evaluate", "serve"]
    stages = {stage.name: stage for stage in both.stages}
    assert stages["prepare"].spec["task"] == "sft"
    assert stages["quantise"].inputs == ("fetch", "prepare")
    assert stages["serve"].inputs == ("fetch", "prepare", "quantise")
    assert both.choice.questions == ("Who?", "Where?")
    assert both.choice.data.sha256


def test_a_trained_model_may_have_the_same_wishes(at: Callable[..., Desk]) -> None:
    desk = at()
    verdict = desk.best("identity")
    data = desk.bundled_choice(verdict.recipe)
    plan = desk.plan(desk.choose(verdict, data, quantise="fp8", evaluate=True))
    assert names(plan)[-4:] == ["merge", "quantise", "evaluate", "serve"]
    assert "fetch" not in {stage.name: stage for stage in plan.stages}["quantise"].inputs


def test_the_wishes_survive_a_run_file(at: Callable[..., Desk]) -> None:
    plan = planned(at(), quantise="fp8", evaluate=True, serve=False)
    assert names(plan) == ["fetch", "quantise", "evaluate"]
    back = from_toml(to_toml(plan, {}, {}), "run.toml")
    assert (back.quantise, back.evaluate, back.serve, back.data.kind) == ("fp8", True, False, "none")
    assert back.knobs == plan.choice.knobs


def test_the_server_is_asked_for_the_context_and_for_room_for_the_cache(at: Callable[..., Desk]) -> None:
    desk = at()
    verdict = desk.judge("serve", "smollm2-135m")
    knobs = replace(verdict.knobs, seq_len=8192, micro_batch=8)
    choice = replace(desk.choose(verdict, DataChoice(kind="none")), knobs=knobs)
    serve = desk.plan(choice).stages[-1]
    if serve.engine == "vllm-cpu":
        wide = 2 if desk.plan(choice).forecast.cache_bytes > 2 * 1024**3 else 1
        assert serve.variables["VLLM_CPU_KVCACHE_SPACE"] == str(2 if wide == 1 else 3)
    assert serve.spec["context"] == 8192


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantise": "fp9"}, "unknown-format"),
        ({"quantise": "awq"}, "format-unread"),
        ({"serve": False}, "nothing-to-do"),
    ],
)
def test_what_cannot_be_is_told_before_anything_runs(
    at: Callable[..., Desk], change: dict[str, Any], code: str
) -> None:
    desk = at()
    assert fault(lambda: planned(desk, **change)) == code


def test_a_recipe_that_learns_needs_rows(at: Callable[..., Desk]) -> None:
    desk = at()
    verdict = desk.best("identity")
    choice = Choice(recipe=verdict.recipe, model=verdict.model, knobs=verdict.knobs, data=DataChoice(kind="none"))
    assert fault(lambda: desk.plan(choice)) == "data-needed"


def test_only_what_an_evaluation_takes_is_asked_for_it(desk: Desk) -> None:
    catalog = desk.catalog()
    sees = next(name for name, model in catalog.models.items() if "image" in model.modality)
    desk.take_in(replace(catalog.models["qwen3-4b"], id="packed", held="gptq"))
    assert desk.evaluates("sft-lora", "qwen3-4b")
    assert not desk.evaluates("sft-qlora-gptq", "packed")
    assert not desk.evaluates("vision-lora", sees)
