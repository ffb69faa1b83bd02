"""Machines as they are met: cards that others use, that answer little, and models that no card here holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from wizard import words
from wizard.contract import Catalog, Machine, Verdict
from wizard.detect import pretend
from wizard.fit import judge, offers

GIB = 1024**3
MachineWith = Callable[..., Machine]


def changed(machine: Machine, **card: Any) -> Machine:
    return replace(machine, gpus=tuple(replace(gpu, **card) for gpu in machine.gpus))


def ways(verdict: Verdict) -> dict[str, Any]:
    return {remedy.code: dict(remedy.params) for remedy in verdict.remedies}


def assert_told(verdict: Verdict, code: str) -> None:
    assert verdict.reason is not None
    assert (verdict.status, verdict.reason.code) == ("no", code)
    for language in words.LANGUAGES:
        told = words.problem(code, verdict.reason.params, language)
        told |= {way.code: words.say_in(language, f"remedy.{way.code}", **way.params) for way in verdict.remedies}
        assert all(text and "?" not in text for text in told.values()), told


@pytest.mark.parametrize("recipe", ["sft-lora", "sft-qlora", "identity-lora"])
def test_a_card_without_a_free_byte_is_told_and_what_holds_it(
    catalog: Catalog, machine_with: MachineWith, recipe: str
) -> None:
    verdict = judge(changed(machine_with("rtx-4090"), free_bytes=0), catalog, recipe, "qwen3-0.6b")
    assert_told(verdict, "short-of-memory-cuda")
    assert verdict.capacity_bytes == 0
    assert ways(verdict)["free-the-card"]["held_bytes"] > 23 * GIB
    assert "bigger-card" not in ways(verdict)


def test_with_a_full_card_only_what_runs_without_it_is_offered(catalog: Catalog, machine_with: MachineWith) -> None:
    found = offers(changed(machine_with("rtx-4090"), free_bytes=0), catalog)
    assert {verdict.device for verdict in found if verdict.status != "no"} == {"cpu"}
    assert all(verdict.reason for verdict in found if verdict.status == "no")


def test_free_memory_counts_and_not_the_size_of_the_card(catalog: Catalog, machine_with: MachineWith) -> None:
    whole = judge(machine_with("rtx-4090"), catalog, "sft-lora", "qwen3-8b")
    shared = judge(changed(machine_with("rtx-4090"), free_bytes=12 * GIB), catalog, "sft-lora", "qwen3-8b")
    assert (whole.status, shared.status) == ("fits", "no")
    assert ways(shared)["free-the-card"] == {
        "held_bytes": whole.capacity_bytes - 12 * GIB,
        "total_bytes": whole.capacity_bytes,
    }


def test_a_card_that_is_too_small_even_when_empty_is_not_to_be_freed(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    found = ways(judge(changed(machine_with("t4"), free_bytes=4 * GIB), catalog, "sft-lora", "qwen3-14b"))
    assert "free-the-card" not in found
    assert found["bigger-card"]["gib"] > 16


def test_a_card_that_answers_nothing_but_its_memory_is_judged_by_that(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    mute = changed(machine_with("rtx-4090"), name="NVIDIA Thing", compute_capability=None, profile=None, mig=None)
    known, unknown = (judge(machine, catalog, "sft-lora", "qwen3-4b") for machine in (machine_with("rtx-4090"), mute))
    assert (unknown.status, unknown.device) == ("fits", "cuda")
    assert unknown.peak_bytes == known.peak_bytes
    assert unknown.seconds > 0


def test_a_driver_that_does_not_tell_its_version_is_asked_for_a_newer_one(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    mute = replace(machine_with("rtx-4090"), driver=None, cuda=None)
    assert_told(judge(mute, catalog, "sft-lora", "qwen3-4b"), "driver-runs-no-build")
    assert any(verdict.status != "no" and verdict.device == "cpu" for verdict in offers(mute, catalog))


def test_a_board_that_shares_the_host_s_memory_has_no_more_than_is_free_there(
    catalog: Catalog, machine_with: MachineWith
) -> None:
    machine = replace(changed(machine_with("gb10"), unified=True), ram_free_bytes=20 * GIB)
    assert judge(machine, catalog, "sft-lora", "qwen3-0.6b").capacity_bytes <= 20 * GIB


def test_13b_in_four_bits_takes_less_than_20_gb_of_a_card_of_24(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("rtx-3090"), catalog, "sft-qlora", "llama-2-13b")
    assert (verdict.status, verdict.gave_up) == ("fits", ())
    assert verdict.safe_bytes < 20e9


def test_70b_is_sent_to_several_cards_or_to_four_bits(catalog: Catalog, machine_with: MachineWith) -> None:
    verdict = judge(machine_with("a100-80g"), catalog, "sft-lora", "llama-3.1-70b")
    assert_told(verdict, "short-of-memory-cuda")
    found = ways(verdict)
    assert found["other-method"] == {"method": "QLoRA", "recipe": "sft-qlora"}
    assert found["more-cards"]["needed_bytes"] <= found["more-cards"]["free_bytes"]
    assert judge(machine_with("a100-80g"), catalog, "sft-qlora", "llama-3.1-70b").status == "fits"
    eight = judge(
        pretend("a100-80gx8", catalog.boards, machine_with("a100-80g")), catalog, "sft-lora-zero3", "llama-3.1-70b"
    )
    assert (eight.status, eight.knobs.zero_stage, len(eight.gpus)) == ("fits", 3, 8)
