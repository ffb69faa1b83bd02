"""Answers marked good or bad by TRL's KTOTrainer (arXiv:2402.01306), which takes ids as the prepare stage made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset
from trl import KTOConfig, KTOTrainer
from trl.trainer.kto_trainer import DataCollatorForUnpairedPreference

from wizard.errors import ExitCode, WizardError
from wizard.stages.loading import padding
from wizard.stages.training.job import Job
from wizard.stages.training.ready import Ready, asked_ahead, learner, reference

ALONE = "apo_zero_unpaired"  # the loss that does not ask how far the model has moved


class Mismatched(DataCollatorForUnpairedPreference):  # type: ignore[misc]
    """Each question of a batch is also asked with the answer to the one before it: TRL lays these down row by row
    beforehand, for batches that never change, which needs a copy of all rows."""

    def torch_call(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        answers = [example["completion_ids"] for example in examples]
        others = [answers[-1], *answers[:-1]]
        paired = [{**example, "KL_completion_ids": ids} for example, ids in zip(examples, others, strict=True)]
        made: dict[str, Any] = super().torch_call(paired)
        return made


class Trainer(Ready, KTOTrainer):  # type: ignore[misc]
    pass


def make(job: Job) -> Any:
    limit = int(job.order.knobs["seq_len"])
    told = job.arguments(KTOConfig, max_length=limit)
    mismatched = told.loss_type != ALONE
    if mismatched and told.per_device_train_batch_size < 2:
        raise WizardError("kto-batch-of-one", exit_code=ExitCode.FAILED)
    tokenizer, rows = job.tokenizer, mixed(job)
    asked_ahead(job, told, rows)
    collator = Mismatched if mismatched else DataCollatorForUnpairedPreference
    model, peft_config = job.tuned(learner(job))
    return Trainer(
        model=model,
        ref_model=reference(job, told, peft_config),
        args=told,
        data_collator=collator(pad_token_id=padding(tokenizer), max_length=limit),
        train_dataset=rows,
        eval_dataset=job.validation_rows(),
        processing_class=tokenizer,
        peft_config=peft_config,
        callbacks=list(job.callbacks),
    )


def mixed(job: Job) -> Any:
    """TRL reads rows of KTO in their order, and a file often tells all good answers before the bad ones."""
    rows = job.train_rows()
    if job.rows or not isinstance(rows, Dataset):  # a rehearsal's; a stream's are mixed as they come
        return rows
    return rows.shuffle(seed=int(job.order.knobs["seed"]), keep_in_memory=True)
