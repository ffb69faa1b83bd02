"""ORPO by TRL (arXiv:2403.07691): one stage that teaches the better answer and turns from the worse one."""

from __future__ import annotations

from typing import Any

from wizard.stages.training.job import Job
from wizard.stages.training.pairs import Counting, made

from trl.experimental.orpo import ORPOConfig, ORPOTrainer  # isort: skip  # after `pairs` has made it silent


class Trainer(Counting, ORPOTrainer):  # type: ignore[misc]
    pass


def make(job: Job) -> Any:
    return made(job, Trainer, ORPOConfig)
