"""A method is one file: what the law counts and what the train stage loads both follow from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wizard.catalog import builtin, load
from wizard.contract import Catalog, Knobs, Machine
from wizard.fit import judge
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
    ("method", "base", "adapter"), [("lora", "bf16", 4), ("qlora", "nf4-dq", 2), ("qlora-int8", "int8", 2)]
)
def test_the_base_is_held_as_the_file_says_and_an_adapter_beside_it_as_trl_has_it(
    with_int8: Catalog, method: str, base: str, adapter: int
) -> None:
    case = Case(model=with_int8.models["qwen3-8b"], method=with_int8.methods[method], knobs=Knobs(), device="cuda")
    step = step_of(case)
    assert (step.base, step.adapter_bytes) == (base, adapter)


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
