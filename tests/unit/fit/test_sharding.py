"""What one of several cards holds of Llama-3.1-8B trained whole, against sums done by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.fit.simulated import models
from wizard.fit import Peak
from wizard.fit.asking.cases import step_of_case
from wizard.fit.memory.law import peak_of
from wizard.fit.memory.sharding import in_ram
from wizard.fit.memory.step import Step

PARAMS = 8_030_261_248
EMBEDDING = 128256 * 4096
BUCKETS = 2 * 4096**2 * 2  # two, of hidden x hidden numbers in bf16
ADAMW, MASTER = 4, 12  # bytes for each number: two states in bf16; both and the weight itself in fp32
GROUP = 1_000_000_000  # numbers that are stepped at a time, and that stay gathered
WHOLE = {"weights": 2 * PARAMS, "gradients": 2 * PARAMS}
SHARED = {"optimizer": MASTER * PARAMS / 8, "buckets": BUCKETS}
OWN = {"gradients": 2 * PARAMS / 8, "copies": 4 * PARAMS / 8}  # in bf16, and in fp32 to be stepped all at once
GATHERED = {"gathered": 2 * (GROUP + EMBEDDING)}


def step(**case: Any) -> Step:
    """A short one, so that what is held throughout is what counts."""
    config = models()["llama-3.1-8b"]
    return step_of_case({"config": config, "method": "full", "micro_batch": 1, "seq_len": 64, **case})


def peak(**case: Any) -> Peak:
    return peak_of(step(**case))


def held(**case: Any) -> Mapping[str, int]:
    passing = ("hidden", "fragmentation", "context")
    return {term.label: term.bytes for term in peak(**case).terms if term.label not in passing}


@pytest.mark.parametrize(
    ("case", "by_hand"),
    [
        ({}, {**WHOLE, "optimizer": ADAMW * PARAMS}),
        ({"n_gpus": 8}, {**WHOLE, "optimizer": ADAMW * PARAMS, "buckets": 2 * PARAMS}),
        ({"n_gpus": 8, "zero_stage": 1}, {**WHOLE, **SHARED}),  # before the others' gradients go
        ({"n_gpus": 8, "zero_stage": 2}, {**WHOLE, **SHARED, **OWN}),
        ({"n_gpus": 8, "zero_stage": 3}, {**SHARED, **GATHERED, **OWN, "weights": 2 * PARAMS / 8, "copies": 4 * GROUP}),
    ],
    ids=["one card", "ddp", "zero 1", "zero 2", "zero 3"],
)
def test_each_card_holds_its_share(case: dict[str, Any], by_hand: dict[str, float]) -> None:
    assert held(**case) == pytest.approx(by_hand, rel=1e-6)


# Of each number, beside the fp32 copy of the weight that is stepped: the optimizer's states as of an fp32 number.
STATES = {
    "adamw": 8,
    "adamw_8bit": 2 + 8 / 256,
    "paged_adamw": 0,
    "adafactor": 4,  # of a flat part it has no rows and columns
    "lion": 4,
    "sgd_momentum": 4,
    "sgd": 0,
}


@pytest.mark.parametrize("optimizer", STATES)
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_deepspeed_adds_an_fp32_copy_to_what_the_optimizer_itself_keeps(stage: int, optimizer: str) -> None:
    found = held(n_gpus=8, zero_stage=stage, optimizer=optimizer)
    assert found["optimizer"] == pytest.approx((4 + STATES[optimizer]) * PARAMS / 8, rel=1e-6)


@pytest.mark.parametrize(("cards", "copies"), [(2, 4 * PARAMS / 2), (4, 4 * PARAMS / 4)])
def test_stages_before_the_third_step_all_of_a_card_s_part_at_once(cards: int, copies: float) -> None:
    assert held(n_gpus=cards, zero_stage=2)["copies"] == pytest.approx(copies)
    assert held(n_gpus=cards, zero_stage=3)["copies"] == 4 * GROUP


def test_deepspeed_makes_16_bit_numbers_of_whatever_it_is_given() -> None:
    halves, wholes = (held(n_gpus=8, zero_stage=3, weights_dtype=number) for number in ("bf16", "fp32"))
    assert halves == wholes
    second = {"method": "lora", "n_gpus": 8, "zero_stage": 2}
    assert 2 * held(**second)["adapter"] == held(**second, mixed_precision="no")["adapter"]


def test_what_is_offloaded_has_the_states_of_deepspeed_s_own_optimizer() -> None:
    alone = in_ram(step(zero_stage=2, cpu_offload=True))
    assert alone == (4 + 4 + 8) * PARAMS  # copies, gradients, AdamW's states
    assert in_ram(step(zero_stage=2, cpu_offload=True, optimizer="sgd")) == alone
    assert in_ram(step(zero_stage=2, cpu_offload=True, optimizer="lion")) == alone - 4 * PARAMS
    assert in_ram(step(zero_stage=3, cpu_offload=True)) == alone + 2 * PARAMS


def test_states_without_master_copies_are_shared_as_they_are() -> None:
    found = held(n_gpus=8, zero_stage=1, mixed_precision="no")
    assert found["optimizer"] == ADAMW * PARAMS // 8
    assert "copies" not in found


@pytest.mark.parametrize(("stage", "weights"), [(1, 2 * PARAMS), (2, 2 * PARAMS), (3, None)])
def test_offload_leaves_neither_states_nor_with_stage_three_weights_on_the_card(
    stage: int, weights: int | None
) -> None:
    found = held(n_gpus=8, zero_stage=stage, cpu_offload=True)
    assert "optimizer" not in found
    assert found.get("weights") == weights


def test_offload_works_on_one_card_too() -> None:
    assert peak(zero_stage=3, cpu_offload=True).peak_bytes < peak().peak_bytes / 8


def test_what_stays_gathered_is_no_more_than_the_model() -> None:
    small = models()["smollm2-135m"]
    step = step_of_case({"config": small, "method": "full", "zero_stage": 3, "n_gpus": 8, "seq_len": 64})
    found = {term.label: term.bytes for term in peak_of(step).terms}
    assert found["gathered"] == 2 * step.params


def test_an_adapter_s_states_are_shared_and_its_frozen_base_only_by_stage_three() -> None:
    alone, second, third = (
        held(method="lora", n_gpus=cards, zero_stage=stage, mixed_precision="no")
        for cards, stage in ((1, 0), (8, 2), (8, 3))
    )
    assert second["weights"] == alone["weights"] == 8 * third["weights"]
    assert alone["optimizer"] == 8 * second["optimizer"] == 8 * third["optimizer"]
    assert alone["adapter"] == second["adapter"] == 8 * third["adapter"]
