"""A method is one file: what the law counts and what the train stage loads both follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wizard.catalog import builtin, load
from wizard.contract import Catalog, Knobs, Machine, Method
from wizard.fit import judge, step_for
from wizard.fit.memory import held
from wizard.fit.memory.law import numbers_of, peak_of
from wizard.fit.memory.step import Step
from wizard.fit.offering.recipe_step import Case, step_of

METHOD = 'title = "QLoRA, 8 bits"\ntrainable = "adapter"\nbase = "int8"\n'


@pytest.fixture
def with_int8(tmp_path: Path) -> Catalog:
    """A method of one's own, and a recipe that names it."""
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "qlora-int8.toml").write_text(METHOD)
    recipe = (builtin() / "sft-qlora.toml").read_text().replace('method = "qlora"', 'method = "qlora-int8"')
    (tmp_path / "sft-qlora-int8.toml").write_text(recipe)
    found = load([builtin(), tmp_path])
    assert not found.problems
    return found


@pytest.mark.parametrize(
    ("method", "base", "adapter"),
    [
        ("lora", "bf16", 4),
        ("qlora", "nf4-dq", 2),
        ("qlora-int8", "int8", 2),
        ("qlora-gptq", "gptq", 4),
        ("qlora-awq", "int4", 4),
        ("qlora-hqq", "hqq", 4),
    ],
)
def test_the_base_is_held_as_the_file_says_and_an_adapter_beside_it_as_trl_has_it(
    with_int8: Catalog, method: str, base: str, adapter: int
) -> None:
    case = Case(model=with_int8.models["qwen3-8b"], method=with_int8.methods[method], knobs=Knobs(), device="cuda")
    step = step_of(case)
    assert (step.base, step.adapter_bytes) == (base, adapter)


def test_a_gptq_base_keeps_what_it_unpacks_until_the_backward(with_int8: Catalog) -> None:
    """Of one block where the rest is recomputed, of all of them where nothing is."""
    model, methods = with_int8.models["qwen3-8b"], with_int8.methods

    def more(grad_ckpt: bool) -> float:
        knobs = Knobs(micro_batch=1, seq_len=256, grad_ckpt=grad_ckpt)
        gptq, awq = (
            numbers_of(step_of(Case(model=model, method=methods[f"qlora-{kind}"], knobs=knobs, device="cuda"))).peak
            for kind in ("gptq", "awq")
        )
        return (gptq - awq) / 2**30

    assert 0 < more(True) < 1
    assert 12 < more(False) < 15


def test_eight_bits_need_more_than_four_and_less_than_sixteen(
    with_int8: Catalog, machine_with: Callable[..., Machine]
) -> None:
    """Of a short batch: with many tokens 8 bits need the most, as their products keep what they were given."""
    machine, knobs = machine_with("a100-80g"), Knobs(micro_batch=1, seq_len=512)
    four, eight, sixteen = (
        judge(machine, with_int8, recipe, "qwen3-8b", knobs).card_bytes
        for recipe in ("sft-qlora", "sft-qlora-int8", "sft-lora")
    )
    assert four < eight < sixteen


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("rslora", ("", 0, False)),
        ("vera", ("vera", 0, False)),
        ("adapter", ("pfeiffer", 0, False)),
        ("freeze", ("freeze", 2, True)),
        ("llama-pro", ("llama-pro", 4, True)),
    ],
)
def test_a_case_may_name_any_tuner(catalog: Catalog, word: str, told: tuple[str, int, bool]) -> None:
    step = step_for(catalog.models["qwen3-8b"].architecture, {"method": word})
    assert (step.tuner, step.awake, step.trains_all) == told
    assert peak_of(step).peak_bytes > 0


def told_of(catalog: Catalog, trainer: str, tuner: str = "lora", **more: object) -> Step:
    method = Method(id="m", title="M", trainable="all" if tuner == "full" else "adapter", tuner=tuner)  # type: ignore[arg-type]
    return step_of(
        Case(model=catalog.models["qwen3-8b"], method=method, knobs=Knobs(), device="cuda", trainer=trainer, **more)  # type: ignore[arg-type]
    )


def test_each_trainer_is_the_task_that_it_is_in_memory(catalog: Catalog) -> None:
    tasks = {
        name: told_of(catalog, name).task for name in ("sft", "vision", "dpo", "cpo", "orpo", "kto", "grpo", "rloo")
    }
    assert tasks == {
        "sft": "sft", "vision": "sft", "dpo": "dpo", "cpo": "orpo", "orpo": "orpo", "kto": "kto", "grpo": "grpo",
        "rloo": "rloo",
    }  # fmt: skip
    assert told_of(catalog, "dpo", settings={"precompute_ref_log_probs": True}).task == "orpo"


def test_pairs_take_two_rows_and_whole_models_a_reference_where_there_is_one(catalog: Catalog) -> None:
    whole = {name: peak_of(told_of(catalog, name, "full")) for name in ("dpo", "orpo")}
    labels = {name: [term.label for term in peak.terms] for name, peak in whole.items()}
    assert "reference" in labels["dpo"] and "reference" not in labels["orpo"]
    assert "reference" not in [term.label for term in peak_of(told_of(catalog, "dpo")).terms]
    assert told_of(catalog, "dpo").rows == 2 * told_of(catalog, "kto").rows


def test_what_scores_a_text_has_no_logits_and_no_head_of_words(catalog: Catalog) -> None:
    words, scores = told_of(catalog, "sft"), told_of(catalog, "classification")
    a = words.architecture
    assert words.params - scores.params == a.vocab * a.hidden
    assert held.trained(scores) - held.trained(words) == a.hidden
    assert peak_of(scores).peak_bytes < peak_of(words).peak_bytes


def test_answers_that_are_made_on_the_way_are_remembered_and_a_server_beside_takes_its_share(catalog: Catalog) -> None:
    alone = told_of(catalog, "grpo")
    beside = told_of(catalog, "grpo", settings={"use_vllm": True}, card_bytes=80 * 2**30)
    assert (alone.rounds, alone.colocated_bytes) == (8, 0)
    assert (beside.rounds, beside.colocated_bytes) == (0, int(0.3 * 80 * 2**30))


def test_a_teacher_is_held_beside_the_pupil(catalog: Catalog) -> None:
    taught = told_of(catalog, "distil", teacher_params=10**9)
    assert 2 * 10**9 in [term.bytes for term in peak_of(taught).terms if term.label == "teacher"]


def test_a_tower_that_learns_nothing_has_no_adapter(catalog: Catalog) -> None:
    model = next(each for each in catalog.models.values() if each.architecture.tower)
    case = Case(model=model, method=catalog.methods["lora"], knobs=Knobs(), device="cuda", trainer="vision")
    frozen, learning = step_of(case), step_of(replace(case, settings={"tower": "lora"}))
    assert frozen.images == learning.images == 1
    assert held.trained(frozen) < held.trained(learning)


def test_products_in_float8_leave_what_is_held_alone_and_need_no_copies_in_16_bits() -> None:
    catalog = load([builtin()])
    model = catalog.models["llama-3.1-8b"]
    a, knobs = model.architecture, Knobs(micro_batch=1, seq_len=512)
    halves, eighths = (
        step_of(Case(model=model, method=catalog.methods[name], knobs=knobs, device="cuda"))
        for name in ("full", "full-fp8")
    )
    layers = a.layers * (a.hidden * a.head_dim * 2 * (a.heads + a.kv_heads) + 3 * a.hidden * a.intermediate)
    assert held.in_float8(eighths) == layers
    sixteen, eight = ({term.label: term.bytes for term in peak_of(step).terms} for step in (halves, eighths))
    assert all(sixteen[label] == eight[label] for label in ("weights", "optimizer", "checkpoints"))
    assert sixteen["casts"] >= 2 * layers and eight.get("casts", 0) < layers
    odd = replace(a, intermediate=14_344)
    mlp = 3 * a.layers * a.hidden * a.intermediate
    assert held.in_float8(replace(eighths, architecture=odd)) == layers - mlp, "16 does not divide it"
