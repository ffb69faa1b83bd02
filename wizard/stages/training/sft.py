"""Conversations and texts by TRL's SFTTrainer, which takes `input_ids` and `labels` as the prepare stage made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.stages.training.job import Job

if TYPE_CHECKING:
    from trl import SFTTrainer


def make(job: Job) -> SFTTrainer:
    from trl import SFTConfig, SFTTrainer

    tokenizer, knobs = job.tokenizer, job.order.knobs
    packing = bool(knobs["packing"])
    told = job.arguments(
        SFTConfig,
        max_length=int(knobs["seq_len"]),
        packing=packing,
        dataset_kwargs={"skip_prepare_dataset": not packing},
    )
    model, peft_config = job.tuned(job.model())
    return SFTTrainer(
        model=model,
        args=told,
        train_dataset=job.train_rows(),
        eval_dataset=job.validation_rows(),
        processing_class=tokenizer,
        peft_config=peft_config,
        callbacks=list(job.callbacks),
    )
