"""What a model is measured by: one module for each head, `measure(bench, subjects)` -> its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from wizard.contract import Result
from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench
from wizard.stages.evaluating.subjects import Subject

MODULES = {  # a recipe's `trainer` -> module; what is not named here writes
    "classification": "classes",
    "embedding": "vectors",
    "reranker": "ranking",
    "reward": "scores",
}
BLIND = ("vision",)  # rows with pictures are read by no module yet


def measured(bench: Bench, subjects: Sequence[Subject]) -> tuple[list[Result], Mapping[str, Any]]:
    """The results on the person's own rows, and what else is worth keeping of them."""
    trainer = str(bench.order.spec["trainer"])
    if trainer in BLIND:
        raise WizardError("evaluate-not-for", exit_code=ExitCode.FAILED, trainer=trainer)
    module = import_module(f"wizard.stages.evaluating.{MODULES.get(trainer, 'writing')}")
    results, more = module.measure(bench, subjects)
    return results, more
