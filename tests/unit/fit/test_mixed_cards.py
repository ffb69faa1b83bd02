"""Cards of several kinds in one machine: what a plan uses decides, and what lies beside it takes nothing away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wizard.contract import Catalog, Gpu, Machine
from wizard.fit import judge, offers

GIB = 1024**3
MachineWith = Callable[..., Machine]


def beside(*machines: Machine, **changes: int) -> Machine:
    """One machine with the cards of all."""
    cards = [gpu for machine in machines for gpu in machine.gpus]
    numbered = [replace(gpu, index=index, uuid=f"GPU-{index}") for index, gpu in enumerate(cards)]
    return replace(machines[0], gpus=tuple(numbered))


def with_free(machine: Machine, free: int) -> Machine:
    return replace(machine, gpus=tuple(replace(gpu, free_bytes=free) for gpu in machine.gpus))


@pytest.mark.parametrize("other", ["gtx-1060-6g", "v100-16g", "p40", "t4"])
@pytest.mark.parametrize("recipe", ["sft-lora", "sft-qlora", "identity-lora"])
def test_an_older_card_beside_it_changes_nothing(
    catalog: Catalog, machine_with: MachineWith, other: str, recipe: str
) -> None:
    new, old = machine_with("rtx-4090"), machine_with(other)
    alone = judge(new, catalog, recipe, "qwen3-4b")
    assert alone.status == "fits"
    assert judge(beside(new, old), catalog, recipe, "qwen3-4b") == alone
    swapped = judge(beside(old, new), catalog, recipe, "qwen3-4b")
    assert (swapped.gpus, swapped.accelerator, swapped.engines) == ((1,), "cu13", alone.engines)


def test_an_old_card_that_is_roomier_gets_what_the_new_one_does_not_hold(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    both = beside(machine_with("rtx-3080-10g"), machine_with("v100-32g"))
    small, large = (judge(both, catalog, "sft-lora", model) for model in ("qwen3-0.6b", "qwen3-8b"))
    assert (small.status, small.gpus, small.accelerator) == ("fits", (0,), "cu13")
    assert (large.status, large.gpus, large.accelerator) == ("fits", (1,), "cu12")


def test_of_two_alike_the_roomier_is_taken(catalog: Catalog, machine_with: MachineWith) -> None:
    both = beside(with_free(machine_with("rtx-4090"), 9 * GIB), machine_with("rtx-4090"))
    assert judge(both, catalog, "sft-lora", "qwen3-4b").gpus == (1,)


def test_a_slice_of_a_card_is_judged_by_its_own_memory(catalog: Catalog, machine_with: MachineWith) -> None:
    large, small = machine_with("a100-80g-mig-3g-40gb"), machine_with("a100-80g-mig-1g-10gb")
    cut = beside(small, large, large)
    cut = replace(cut, gpus=tuple(replace(gpu, mig=True) for gpu in cut.gpus))
    verdict = judge(cut, catalog, "sft-lora", "qwen3-8b")
    assert (verdict.status, verdict.gpus) == ("fits", (1,))
    shared = judge(cut, catalog, "sft-lora-zero3", "qwen3-8b")
    assert shared.reason and shared.reason.code == "needs-cards"


def team(machine: Machine, free: list[int]) -> Machine:
    gpu: Gpu = machine.gpus[0]
    cards = [replace(gpu, index=n, uuid=f"GPU-{n}", free_bytes=free[n]) for n in range(len(free))]
    return replace(machine, gpus=tuple(cards))


def test_fuller_cards_beside_a_team_take_nothing_from_it(catalog: Catalog, machine_with: MachineWith) -> None:
    one = machine_with("rtx-4090")
    whole = one.gpus[0].free_bytes
    two = judge(team(one, [whole] * 2), catalog, "sft-lora-zero3", "qwen2.5-14b")
    assert (two.status, two.gpus) == ("fits", (0, 1))
    assert judge(team(one, [whole] * 2 + [7 * GIB] * 6), catalog, "sft-lora-zero3", "qwen2.5-14b").status == "fits"


def test_a_team_is_as_large_as_the_machine_where_all_hold_their_part(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    one = machine_with("rtx-4090")
    found = judge(team(one, [one.gpus[0].free_bytes] * 8), catalog, "sft-lora-zero3", "qwen2.5-14b")
    assert (found.status, found.knobs.n_gpus, len(found.gpus)) == ("fits", 8, 8)


def test_knobs_that_name_a_number_of_cards_are_judged_on_so_many(catalog: Catalog, machine_with: MachineWith) -> None:
    one = machine_with("rtx-4090")
    eight = team(one, [one.gpus[0].free_bytes] * 8)
    knobs = replace(judge(eight, catalog, "sft-lora-zero3", "qwen2.5-14b").knobs, n_gpus=4)
    assert judge(eight, catalog, "sft-lora-zero3", "qwen2.5-14b", knobs).gpus == (0, 1, 2, 3)


def test_each_process_of_several_cards_takes_ram_and_one_of_them_reads_the_weights(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    one = machine_with("a100-80g")
    whole = one.gpus[0].free_bytes
    two, eight = (judge(team(one, [whole] * n), catalog, "sft-lora-zero3", "qwen3-8b") for n in (2, 8))
    weights = catalog.models["qwen3-8b"].params * 2
    program = (eight.ram_bytes - two.ram_bytes) // 6
    assert 0.5 * GIB < program < 2 * GIB
    assert eight.ram_bytes == weights + 8 * program


def test_a_full_card_leaves_the_cpu_to_what_runs_there(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(with_free(machine_with("rtx-4090"), 0), catalog, "identity", "smollm2-135m")
    assert (verdict.device, verdict.status) == ("cpu", "fits")
    assert [note.code for note in verdict.engine_notes] == ["short-of-memory-cuda"]


def test_all_that_is_offered_is_offered_beside_an_old_card(catalog: Catalog, machine_with: MachineWith) -> None:
    new = machine_with("rtx-4090")
    alone = offers(new, catalog, "sft", terms=False)
    both = offers(beside(new, machine_with("gtx-1060-6g")), catalog, "sft", terms=False)
    told = {(verdict.recipe, verdict.model): verdict.status for verdict in both}
    assert {(verdict.recipe, verdict.model): verdict.status for verdict in alone}.items() <= told.items()
