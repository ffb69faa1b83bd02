"""What becomes of a training: one module for each head of a model, `merge(bench)` -> the folder of the model that
is served, and what was measured on the way."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from wizard.stages.desk import Bench

MODULES = dict.fromkeys(("sft", "grpo", "rloo", "distil"), "causal")  # a recipe's `trainer` -> module


def merged(bench: Bench) -> tuple[Path, Mapping[str, Any]]:
    module = import_module(f"wizard.stages.merging.{MODULES[bench.order.spec['trainer']]}")
    folder, result = module.merge(bench)
    return folder, result
