"""The forecast made anew once the rows are counted: before training starts it is known what it will really hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wizard.contract import Plan, Verdict
from wizard.contract.answers import answer_tokens
from wizard.session.amount import Amount

Judge = Callable[..., Verdict]
ANSWERED = ("grpo", "distil")  # tasks whose rows are questions: the model writes the answers while it is trained


def refit(judge: Judge, plan: Plan, changes: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """The event `forecast`. `changes`: of the knobs, since the plan was made; `result`: of the prepare stage.

    Packed rows are full whatever they were; others are padded to the longest of their batch, with an answer behind it
    where those are still to be written.
    """
    knobs = replace(plan.choice.knobs, **changes)
    longest, mean = min(knobs.seq_len, result["longest"]), max(1, round(result["tokens"] / result["made"]))
    answer = _answer(plan, knobs.seq_len)
    padded = knobs if knobs.packing else replace(knobs, seq_len=min(knobs.seq_len, longest + answer))
    asked, amount = (plan.choice.recipe, plan.choice.model), Amount(result["made"], mean)
    found = judge(*asked, padded, amount, **plan.choice.settings)
    # how long an answer may be goes by the whole sequence
    timed = judge(*asked, knobs, amount, **plan.choice.settings) if answer else found
    before = plan.forecast
    return {
        "rows": result["made"],
        "longest": longest,
        "row_tokens": mean,
        "status": found.status,
        "status_before": before.status,
        "card_bytes": found.card_bytes,
        "before_bytes": before.card_bytes,
        "capacity_bytes": found.capacity_bytes,
        "seconds": timed.stage_seconds.get("train", 0.0),
        "before_seconds": before.stage_seconds.get("train", 0.0),
    }


def _answer(plan: Plan, seq_len: int) -> int:
    train = next(stage for stage in plan.stages if stage.name == "train")
    return answer_tokens(train.spec.get("settings", {}), seq_len) if plan.forecast.task in ANSWERED else 0


def wanted(plan: Plan, stage: str, result: Mapping[str, Any]) -> bool:
    """Bundled rows were known when the plan was made; what trains nothing holds nothing of them."""
    trains = any(each.name == "train" for each in plan.stages)
    return trains and stage == "prepare" and plan.choice.data.kind != "bundled" and bool(result.get("made"))
