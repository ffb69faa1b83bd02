"""Every way of training is one module here: `make(job)` returns a trainer of transformers' kind, ready to train."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wizard.stages.training.job import Job
from wizard.tuners.hooks import attach

MODULES = {"sft": "sft", "grpo": "grpo", "rloo": "rloo", "distil": "distil"}  # a recipe's `trainer` -> module


def make_trainer(name: str, job: Job) -> Any:
    trainer = import_module(f"wizard.stages.training.{MODULES[name]}").make(job)
    attach(trainer, job.order.spec["method"], job.order.knobs)
    return trainer


__all__ = ["MODULES", "Job", "make_trainer"]
