"""What never needs less, over every model and setting that was simulated, whatever the constants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.fit.simulated import steps
from wizard.fit.memory.law import numbers_of
from wizard.fit.memory.step import BITS, Step

Suits = Callable[[Step], bool]
WIDE_ENOUGH = 4_000_000_000  # parameters: much more than ZeRO 3 keeps gathered


def peak(step: Step, **change: Any) -> int:
    return numbers_of(replace(step, **change)).peak


def some(suits: Suits) -> Iterator[tuple[str, Step]]:
    return ((name, step) for name, step in steps() if suits(step))


def every(step: Step) -> bool:
    return True


def adapter(step: Step) -> bool:
    return not step.trains_all


def plain_adapter(step: Step) -> bool:
    return not step.trains_all and not step.kbit_prepare


def whole(step: Step) -> bool:
    return step.trains_all


def at_once(step: Step) -> bool:
    return not step.in_backward


def large_and_whole(step: Step) -> bool:
    return step.trains_all and step.params > WIDE_ENOUGH


@pytest.mark.parametrize(
    ("suits", "change"),
    [
        (every, lambda step: {"micro_batch": step.micro_batch + 1}),
        (every, lambda step: {"seq_len": step.seq_len + 1}),
        (every, lambda step: {"seq_len": 2 * step.seq_len}),
        (adapter, lambda step: {"rank": step.rank + 1}),
        (at_once, lambda step: {"accumulates": True}),
        (every, lambda step: {"task": "dpo"}),
        (every, lambda step: {"foreach": True}),
        (adapter, lambda step: {"dora": True}),
        (adapter, lambda step: {"targets": frozenset({"all-linear"})}),
        (every, lambda step: {"cards": 2}),
    ],
    ids=["batch", "token", "length", "rank", "accumulation", "pairs", "foreach", "dora", "targets", "ddp"],
)
def test_more_of_it_never_needs_less(suits: Suits, change: Callable[[Step], dict[str, Any]]) -> None:
    for name, step in some(suits):
        assert peak(step) <= peak(step, **change(step)), name


ORDERED: list[tuple[Suits, str, tuple[Any, ...]]] = [  # a field, and its values from the least to the most
    (plain_adapter, "base", ("nf4-dq", "nf4", "bf16", "fp32")),
    (adapter, "adapter_bytes", (2, 4)),
    (at_once, "optimizer", ("sgd", "sgd_momentum", "adamw")),
    (at_once, "optimizer", ("paged_adamw_8bit", "adamw_8bit", "adamw")),
    (at_once, "optimizer", ("lion_8bit", "lion", "adamw")),
    (every, "attention", ("flash", "sdpa", "eager")),
    (every, "compiled", (True, False)),
    (adapter, "fused_loss", (True, False)),
    (adapter, "checkpointing", (True, False)),
]


@pytest.mark.parametrize(("suits", "field", "values"), ORDERED, ids=lambda value: "" if callable(value) else str(value))
def test_what_saves_memory_never_costs_any(suits: Suits, field: str, values: tuple[Any, ...]) -> None:
    for name, step in some(suits):
        found = [peak(step, **{field: value}) for value in values]
        assert found == sorted(found), name


def test_a_whole_model_is_checkpointed_at_the_cost_of_one_checkpoint_at_most() -> None:
    for name, step in some(whole):
        one = step.tokens * step.architecture.hidden * 4
        assert peak(step, checkpointing=True) <= peak(step, checkpointing=False) + one, name


def test_a_head_that_is_trained_is_fused_at_the_cost_of_its_gradient_in_fp32_at_most() -> None:
    for name, step in some(whole):
        one = 4 * step.architecture.vocab * step.architecture.hidden
        assert peak(step, fused_loss=True) <= peak(step, fused_loss=False) + one, name


def test_stepping_in_the_backward_never_needs_more() -> None:
    for name, step in some(every):
        assert peak(step, in_backward=True) <= peak(step, in_backward=False, accumulates=True), name


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_more_cards_share_and_ram_relieves_them(stage: int) -> None:
    for name, step in some(lambda step: step.base not in BITS):
        few, many = (peak(step, zero=stage, cards=cards) for cards in (2, 8))
        assert many <= few, name
        assert peak(step, zero=stage, cards=8, offload=True) <= many, name


def test_each_stage_of_zero_leaves_less_of_a_large_model_on_a_card() -> None:
    for name, step in some(large_and_whole):
        found = [peak(step, zero=stage, cards=8) for stage in (3, 2, 1, 0)]
        assert found == sorted(found), name
