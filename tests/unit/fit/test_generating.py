"""A card that writes the answers for a training on the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wizard.contract import Catalog, Gpu, Machine, Problem
from wizard.contract.sharing import contradiction, generator_cards, least_cards
from wizard.fit import judge, offers

GIB = 1024**3
APART = "grpo-lora-vllm-server"
MachineWith = Callable[..., Machine]


def several(machine: Machine, cards: int, **free: int) -> Machine:
    """`free`: GiB of the cards that are not empty, as `card_1=9`."""
    told = [replace(machine.gpus[0], index=index, uuid=f"GPU-{index}") for index in range(cards)]
    return replace(machine, gpus=tuple(_with(gpu, free.get(f"card_{gpu.index}")) for gpu in told))


def _with(gpu: Gpu, gib: int | None) -> Gpu:
    return gpu if gib is None else replace(gpu, free_bytes=gib * GIB)


def test_one_card_writes_and_all_others_train(catalog: Catalog, machine_with: MachineWith) -> None:
    for cards in (2, 4):
        found = judge(several(machine_with("rtx-4090"), cards), catalog, APART, "qwen3-0.6b")
        assert found.generator is not None
        assert (found.status, found.gpus, found.generator.gpus) == ("fits", tuple(range(cards)), (cards - 1,))
        assert found.knobs.n_gpus == cards - 1


def test_the_training_has_its_cards_to_itself(catalog: Catalog, machine_with: MachineWith) -> None:
    two = several(machine_with("rtx-4090"), 2)
    apart = judge(two, catalog, APART, "qwen3-0.6b")
    same = judge(two, catalog, "grpo-lora-vllm", "qwen3-0.6b", apart.knobs)
    held = next(term.bytes for term in same.terms if term.label == "colocated")
    assert held == int(0.3 * two.gpus[0].total_bytes)
    assert "colocated" not in {term.label for term in apart.terms}
    assert apart.card_bytes < same.card_bytes - held // 2


def test_a_model_too_large_beside_vllm_fits_apart(catalog: Catalog, machine_with: MachineWith) -> None:
    two = several(machine_with("rtx-4090"), 2)
    told = {(v.recipe, v.model): v for v in offers(two, catalog, "grpo", terms=False)}
    better = [model for (recipe, model), v in told.items()
              if recipe == APART and v.status != "no" and told["grpo-lora-vllm", model].status == "no"]  # fmt: skip
    assert better
    four = offers(several(machine_with("rtx-4090"), 4), catalog, "grpo", terms=False)
    assert APART not in {v.recipe for v in four if v.recommended}  # others run with one program the fewer
    firsts = [v.recipe for v in four if v.model == "qwen3-0.6b" and v.method == "lora"]
    assert firsts.index("grpo-lora") < firsts.index(APART)
    assert APART not in {v.recipe for v in offers(machine_with("rtx-4090"), catalog, "grpo", terms=False)}


def test_the_roomier_card_writes_and_the_training_is_judged_by_the_others(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    found = judge(several(machine_with("rtx-4090"), 2, card_1=18), catalog, APART, "qwen3-0.6b")
    assert found.generator is not None
    assert (found.generator.gpus, found.capacity_bytes) == ((0,), 18 * GIB)


def test_a_card_that_cannot_hold_the_server_is_told_with_its_arithmetic(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    light = replace(catalog.recipes[APART], method="qlora")  # with a base in 16 bits the training is what lacks room
    known = replace(catalog, recipes={**catalog.recipes, APART: light})
    found = judge(several(machine_with("rtx-4090"), 2), known, APART, "qwen3-14b")
    assert found.generator is not None and found.reason is not None
    short = [each for each in (found.reason, *found.also) if each.code == "short-of-memory-generator"]
    assert short[0].params["needed_bytes"] == found.generator.needed_bytes > found.generator.capacity_bytes
    assert found.generator.needed_bytes > 14.8e9 * 2


def test_with_one_card_it_says_that_it_needs_two(catalog: Catalog, machine_with: MachineWith) -> None:
    found = judge(machine_with("rtx-4090"), catalog, APART, "qwen3-0.6b")
    assert found.reason is not None
    assert (found.reason.code, found.reason.params["cards"], found.generator) == ("needs-cards", 2, None)


def test_cards_that_a_person_names_are_those_that_train(catalog: Catalog, machine_with: MachineWith) -> None:
    four = several(machine_with("rtx-4090"), 4)
    asked = replace(judge(four, catalog, APART, "qwen3-0.6b").knobs, n_gpus=2)
    found = judge(four, catalog, APART, "qwen3-0.6b", asked)
    assert found.generator is not None
    assert (found.knobs.n_gpus, len(found.gpus), len(found.generator.gpus)) == (2, 3, 1)


def test_a_recipe_says_how_many_cards_its_server_has(catalog: Catalog) -> None:
    recipe = catalog.recipes[APART]
    two = replace(recipe, settings={**recipe.settings, "vllm_tensor_parallel_size": 2})
    assert [generator_cards(each) for each in (recipe, two, catalog.recipes["grpo-lora-vllm"])] == [1, 2, 0]
    assert least_cards(two) == 3


@pytest.mark.parametrize(("nodes", "code"), [(1, None), (2, "generator-on-one-machine")])
def test_it_is_of_one_machine(nodes: int, code: str | None) -> None:
    found: Problem | None = contradiction({"nodes": nodes, "n_gpus": 2}, generator=True)
    assert (found.code if found else None) == code
