"""What becomes of a training: one module for each head of a model, `merge(bench)` -> the folder of the model that
is served, and what was measured on the way."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from wizard.stages.desk import Bench

MODULES = {  # a recipe's `trainer` -> module
    "sft": "causal",
    "classification": "scored",
    "embedding": "vectors",
    "reranker": "scored",
    "dpo": "causal",
    "kto": "causal",
    "orpo": "causal",
    "cpo": "causal",
    "reward": "scored",
    "vision": "seeing",
    "grpo": "causal",
    "rloo": "causal",
    "distil": "causal",
}

APART = {"adapter": "apart"}  # a method's `tuner` -> module


def merged(bench: Bench) -> tuple[Path, Mapping[str, Any]]:
    module = import_module(f"wizard.stages.merging.{module_of(bench.order.spec)}")
    folder, result = module.merge(bench)
    return folder, result


def module_of(spec: Mapping[str, Any]) -> str:
    """Of models that write, those trained as a whole and adapters that stay apart go ways of their own."""
    module, method = MODULES[spec["trainer"]], spec["method"]
    if module != "causal":
        return module
    return "whole" if method["trainable"] == "all" else APART.get(method["tuner"], module)
