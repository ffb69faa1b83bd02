"""The forecast made anew once the rows are counted: before training starts it is known what it will really hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wizard.contract import Plan, Verdict
from wizard.session.amount import Amount

Judge = Callable[..., Verdict]


def refit(judge: Judge, plan: Plan, changes: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """The event `forecast`. `changes`: of the knobs, since the plan was made; `result`: of the prepare stage.

    Packed rows are full whatever they were; others are padded to the longest of their batch.
    """
    knobs = replace(plan.choice.knobs, **changes)
    longest, mean = min(knobs.seq_len, result["longest"]), max(1, round(result["tokens"] / result["made"]))
    padded = knobs if knobs.packing else replace(knobs, seq_len=longest)
    found = judge(plan.choice.recipe, plan.choice.model, padded, Amount(result["made"], mean))
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
        "seconds": found.stage_seconds.get("train", 0.0),
        "before_seconds": before.stage_seconds.get("train", 0.0),
    }


def wanted(plan: Plan, stage: str, result: Mapping[str, Any]) -> bool:
    """Bundled rows were known when the plan was made; what trains nothing holds nothing of them."""
    trains = any(each.name == "train" for each in plan.stages)
    return trains and stage == "prepare" and plan.choice.data.kind != "bundled" and bool(result.get("made"))
