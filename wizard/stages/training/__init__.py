"""Every way of training is one module here: `make(job)` returns a trainer of transformers' kind, ready to train."""

from __future__ import annotations

from importlib import import_module
from typing import Any

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
}


def make_trainer(name: str, job: Job) -> Any:
    trainer = import_module(f"wizard.stages.training.{MODULES[name]}").make(job)
    attach(trainer, job.order.spec["method"], job.order.knobs)
    return trainer


__all__ = ["MODULES", "Job", "make_trainer"]
