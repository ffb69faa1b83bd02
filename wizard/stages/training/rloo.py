"""RLOO (arXiv:2402.14740) by TRL's RLOOTrainer: an answer against the mean of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.stages.training.job import Job

if TYPE_CHECKING:
    from trl import RLOOTrainer


def make(job: Job) -> RLOOTrainer:
    from trl import RLOOConfig, RLOOTrainer

    from wizard.stages.training import rewarded

    return rewarded.make(job, RLOOTrainer, RLOOConfig)
