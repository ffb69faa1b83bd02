"""CPO by TRL (arXiv:2401.08417); SimPO (arXiv:2405.14734) is its `loss_type` "simpo" with `cpo_alpha` 0."""

from __future__ import annotations

from typing import Any

from wizard.stages.training.job import Job
from wizard.stages.training.pairs import Counting, made

from trl.experimental.cpo import CPOConfig, CPOTrainer  # isort: skip  # after `pairs` has made it silent


class Trainer(Counting, CPOTrainer):  # type: ignore[misc]
    pass


def make(job: Job) -> Any:
    return made(job, Trainer, CPOConfig)
