"""Better and worse answers for TRL's trainers of ORPO and CPO, which need no reference model.

Both tokenise texts while they are made, into a copy of all rows: they are made without rows and get them then, and
what they would have written into a row is made as it is collated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

from datasets import Dataset, IterableDataset
from trl.experimental.utils import DPODataCollatorWithPadding

from wizard.stages.loading import padding
from wizard.stages.preparing.tokens import IGNORED
from wizard.stages.training.job import Job
from wizard.stages.training.ready import learner


class Joined(DPODataCollatorWithPadding):  # type: ignore[misc]
    def __call__(self, features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = super().__call__([columns(row) for row in features])
        return made


def columns(row: Mapping[str, Any]) -> dict[str, list[int]]:
    """Of each answer: the ids of question and answer, a mask, and labels that ignore the question."""
    made: dict[str, list[int]] = {}
    for side in ("chosen", "rejected"):
        asked, answer = list(row["prompt_ids"]), list(row[f"{side}_ids"])
        made[f"{side}_input_ids"] = asked + answer
        made[f"{side}_attention_mask"] = [1] * len(asked + answer)
        made[f"{side}_labels"] = [IGNORED] * len(asked) + answer
    return made


class Counting:
    """Before a trainer that does not tell how many tokens it has seen, as TRL's others do."""

    seen = 0

    def compute_loss(self: Any, model: Any, inputs: Mapping[str, Any], *others: Any, **named: Any) -> Any:
        if model.training:
            tokens = sum(inputs[f"{side}_attention_mask"].sum() for side in ("chosen", "rejected"))
            self.seen += int(self.accelerator.gather(tokens).sum())
        return super().compute_loss(model, inputs, *others, **named)  # type: ignore[misc]

    def log(self: Any, logs: dict[str, float], *others: Any, **named: Any) -> None:
        super().log(logs | ({"num_tokens": self.seen} if "loss" in logs else {}), *others, **named)  # type: ignore[misc]


def made(job: Job, kind: type, config: type) -> Any:
    told = job.arguments(config, max_length=int(job.order.knobs["seq_len"]), remove_unused_columns=False)
    tokenizer, rows, validation = job.tokenizer, job.train_rows(), job.validation_rows()
    if isinstance(rows, IterableDataset):
        told.accelerator_config.dispatch_batches = False  # else one card collates for all, into rows of one length
    collator = Joined(pad_token_id=padding(tokenizer))
    model, peft_config = job.tuned(learner(job))
    none_yet = Dataset.from_dict({"prompt_ids": []})
    trainer = kind(
        model=model,
        args=told,
        data_collator=collator,
        train_dataset=none_yet,
        eval_dataset=None if validation is None else none_yet,
        processing_class=tokenizer,
        peft_config=peft_config,
        callbacks=list(job.callbacks),
    )
    trainer.use_dpo_data_collator = True  # it is one: else each batch is warned of
    trainer.train_dataset, trainer.eval_dataset = rows, validation
    return trainer
