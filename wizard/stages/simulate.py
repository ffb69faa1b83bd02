"""Run the real modelling code for one training step on tensors without storage, and say what it would have held.

echo '{"config": {...}, "base": "bf16", ...}' | python -m wizard.stages.simulate
python -m wizard.stages.simulate < orders.jsonl > peaks.jsonl

An order is a step as the memory law sees it, with the model's config.json. One JSON line answers each, in order.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from typing import Any

from wizard.stages.orders import answer_all

# What a card computes otherwise than this simulation can show is told, not guessed.
BASES = ("bf16", "fp16", "fp32", "nf4", "nf4-dq", "int8")
OPTIMIZERS = (
    "adamw", "adamw_bf16", "adamw_8bit", "paged_adamw", "paged_adamw_8bit", "adafactor", "lion", "lion_8bit", "lisa",
    "sgd", "sgd_momentum",
)  # fmt: skip
NEUTRAL = ("params", "context_bytes", "rounds")  # counted here; the board's, added later; of answers, not of training


def main() -> None:
    os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
    warnings.filterwarnings("ignore")
    answer_all(answer_to)


def answer_to(order: Mapping[str, Any]) -> dict[str, Any]:
    """{"params", "peak_bytes", "moment", "labels": {label: bytes}, "seconds"}, or {"code", "detail"} of a Problem."""
    began = time.monotonic()
    if lacking := lacks(order):
        return {"code": "simulation-cannot", "detail": lacking}
    try:
        found = simulate(order)
    except Exception as error:
        return {"code": "simulation-failed", "detail": f"{type(error).__name__}: {error}"[:400]}
    return {**found, "seconds": round(time.monotonic() - began, 1)}


def lacks(order: Mapping[str, Any]) -> str:
    if order["base"] not in BASES:
        return f"a base in {order['base']}"
    if order["optimizer"] not in OPTIMIZERS:
        return f"the optimizer {order['optimizer']}"
    if order["task"] not in ("sft", "cpt"):
        return f"the task {order['task']}"
    if order["attention"] == "flash":
        return "attention by flash-attn (sdpa)"
    lacking = {
        "several cards": order["cards"] > 1,
        "ZeRO": order["zero"],
        "FSDP": order["fsdp"],
        "offloading": order["offload"] or order["weights_stay"] or order["offload_activations"],
        "a processor": order["cpu"],
        "images": order["images"],
        "a teacher": order["teacher_params"],
        "a tower that rests": order["blind"],
        "a projected optimizer": order["projected"],
        "a bottleneck": order["tuner"] in ("pfeiffer", "houlsby"),
        "torch.compile": order["compiled"],
        "products in FP8": order["float8"],
    }
    return next((name for name, asked in lacking.items() if asked), "")


def simulate(order: Mapping[str, Any]) -> dict[str, Any]:
    from wizard.stages.simulation import models, step
    from wizard.stages.simulation.stand_ins import tensors_without_storage

    with tensors_without_storage() as ledger:
        model, params = models.build(order, ledger)
        step.take(model, order, ledger)
    beside = int(order["colocated_bytes"])  # there throughout, so the highest moment stays the highest
    labels = {name: size for name, size in {**ledger.peak_labels, "colocated": beside}.items() if size}
    return {"params": params, "peak_bytes": ledger.peak + beside, "moment": ledger.peak_moment, "labels": labels}


if __name__ == "__main__":
    main()
