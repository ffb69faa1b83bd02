"""A model that scores answers, from better and worse ones, by TRL's RewardTrainer (Bradley-Terry, arXiv:2203.02155)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from trl import RewardConfig, RewardTrainer
from trl.trainer.reward_trainer import DataCollatorForPreference

from wizard.stages.loading import padding, scorer_of
from wizard.stages.training.job import Job
from wizard.stages.training.ready import Ready

SIDES = ("chosen_ids", "rejected_ids")


class Joined(DataCollatorForPreference):  # type: ignore[misc]
    """A score is one of the whole conversation: each answer is read behind its question."""

    def torch_call(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        whole = [{side: list(row["prompt_ids"]) + list(row[side]) for side in SIDES} for row in examples]
        made: dict[str, Any] = super().torch_call(whole)
        return made


class Trainer(Ready, RewardTrainer):  # type: ignore[misc]
    pass


def make(job: Job) -> Any:
    told = job.arguments(RewardConfig, max_length=None, remove_unused_columns=False)
    tokenizer = job.tokenizer
    model, peft_config = job.tuned(job.model(partial(scorer_of, labels=1)), task_type="SEQ_CLS")
    return Trainer(
        model=model,
        args=told,
        data_collator=Joined(pad_token_id=padding(tokenizer)),
        train_dataset=job.train_rows(),
        eval_dataset=job.validation_rows(),
        processing_class=tokenizer,
        peft_config=peft_config,
        callbacks=list(job.callbacks),
    )
