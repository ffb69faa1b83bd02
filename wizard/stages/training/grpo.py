"""GRPO (arXiv:2402.03300) by TRL's GRPOTrainer; Dr. GRPO, DAPO and GSPO are settings of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.stages.training.job import Job

if TYPE_CHECKING:
    from trl import GRPOTrainer


def make(job: Job) -> GRPOTrainer:
    from trl import GRPOConfig, GRPOTrainer

    from wizard.stages.training import rewarded

    return rewarded.make(job, GRPOTrainer, GRPOConfig)
