"""Every way of training is one module here: `make(job)` returns a trainer of transformers' kind, ready to train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.training.job import Job
from wizard.tuners.hooks import attach

MODULES = {  # a recipe's `trainer` -> module
    "sft": "sft",
    "classification": "classification",
    "embedding": "embedding",
    "reranker": "reranker",
    "dpo": "dpo",
    "kto": "kto",
    "orpo": "orpo",
    "cpo": "cpo",
    "reward": "reward",
    "vision": "vision",
    "grpo": "grpo",
    "rloo": "rloo",
    "distil": "distil",
}

UNSUITED = ("Target modules", "No modules were targeted", "Please specify `target_", "divisible", "Invalid combination")


def make_trainer(name: str, job: Job) -> Any:
    with laid_around():
        trainer = import_module(f"wizard.stages.training.{MODULES[name]}").make(job)
    attach(trainer, job.order.spec["method"], job.order.knobs)
    return trainer


@contextmanager
def laid_around() -> Iterator[None]:
    """What PEFT says of a model that a tuner does not suit becomes the Problem that explains it."""
    try:
        yield
    except ValueError as error:
        if not any(words in str(error) for words in UNSUITED):
            raise
        detail = str(error).partition(". ")[0]
        raise WizardError("tuner-not-for-model", exit_code=ExitCode.FAILED, detail=detail) from error


__all__ = ["MODULES", "Job", "make_trainer"]
