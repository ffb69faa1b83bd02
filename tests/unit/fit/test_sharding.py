"""What one of several cards holds of Llama-3.1-8B trained whole, against sums done by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.fit.simulated import models
from wizard.fit import Peak
from wizard.fit.asking.cases import step_of_case
from wizard.fit.memory.law import peak_of

PARAMS = 8_030_261_248
EMBEDDING = 128256 * 4096
BUCKETS = 2 * 4096**2 * 2  # two, of hidden x hidden numbers in bf16
ADAMW, MASTER = 4, 12  # bytes for each number: two states in bf16; both and the weight itself in fp32
GROUP = 1_000_000_000  # numbers that are stepped at a time, and that stay gathered
WHOLE = {"weights": 2 * PARAMS, "gradients": 2 * PARAMS}
SHARED = {"optimizer": MASTER * PARAMS / 8, "copies": 4 * GROUP, "buckets": BUCKETS}
GATHERED = {"gathered": 2 * (GROUP + EMBEDDING)}


def peak(**case: Any) -> Peak:
    """Of a short step, so that what is held throughout is what counts."""
    config = models()["llama-3.1-8b"]
    return peak_of(step_of_case({"config": config, "method": "full", "micro_batch": 1, "seq_len": 64, **case}))


def held(**case: Any) -> Mapping[str, int]:
    passing = ("hidden", "fragmentation", "context")
    return {term.label: term.bytes for term in peak(**case).terms if term.label not in passing}


@pytest.mark.parametrize(
    ("case", "by_hand"),
    [
        ({}, {**WHOLE, "optimizer": ADAMW * PARAMS}),
        ({"n_gpus": 8}, {**WHOLE, "optimizer": ADAMW * PARAMS, "buckets": 2 * PARAMS}),
        ({"n_gpus": 8, "zero_stage": 1}, {**WHOLE, **SHARED}),
        ({"n_gpus": 8, "zero_stage": 2}, {**WHOLE, **SHARED, "gradients": 2 * PARAMS / 8}),
        (
            {"n_gpus": 8, "zero_stage": 3},
            {**SHARED, **GATHERED, "weights": 2 * PARAMS / 8, "gradients": 2 * PARAMS / 8},
        ),
    ],
    ids=["one card", "ddp", "zero 1", "zero 2", "zero 3"],
)
def test_each_card_holds_its_share(case: dict[str, Any], by_hand: dict[str, float]) -> None:
    assert held(**case) == pytest.approx(by_hand, rel=1e-6)


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
