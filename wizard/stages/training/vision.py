"""Conversations over pictures by TRL's SFTTrainer: the processor puts a picture in place of its mark while training.

Rows are `prompt`, `completion` and `images`, paths (docs/decisions/0020). A picture is opened when its batch is made;
the loss is on the completion alone, so no token of a picture is in it. What a row is too long is cut off its
completion, since the prepare stage leaves out those whose prompt does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trl import SFTConfig, SFTTrainer

from wizard.errors import ExitCode, WizardError
from wizard.stages import prompts
from wizard.stages.loading import seeing_of
from wizard.stages.looking import processor_of
from wizard.stages.prepared import lengths_of
from wizard.stages.seeing import picture
from wizard.stages.training.job import Job
from wizard.stages.training.sides import freeze, learning, targets


@dataclass
class SeeingConfig(SFTConfig):  # type: ignore[misc]
    tower: str = field(default="frozen", metadata={"help": "What reads pictures: frozen, lora or full."})
    projector: bool = field(default=False, metadata={"help": "Whether what joins it to the language model learns."})


@dataclass(frozen=True)
class Opening:
    """TRL's collator, of rows whose pictures are still files."""

    collate: Callable[[list[dict[str, Any]]], dict[str, Any]]

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch = self.collate([{**row, "images": [picture(path) for path in row["images"]]} for row in rows])
        if "cross_attention_mask" in batch:
            batch["cross_attention_mask"] = crossed(batch)
        return batch


def crossed(batch: Mapping[str, Any]) -> Any:
    """Llama 3.2's mask of which token looks at which picture (rows x tokens x pictures x tiles).

    TRL leaves it as long as the prompts, padded on their left: here it lies where their tokens do, and an answer looks
    where its prompt ends.
    """
    told, labels = batch["cross_attention_mask"], batch["labels"]
    mask = told.new_zeros(*labels.shape, *told.shape[2:])
    for row, length in enumerate(batch["attention_mask"].sum(1).tolist()):
        asked = min(length - int((labels[row] >= 0).sum()), told.shape[1])
        mask[row, :asked] = told[row, told.shape[1] - asked :]
        mask[row, asked:length] = told[row, -1]
    return mask


def make(job: Job) -> SFTTrainer:
    processor, knobs = processor_of(job.folder), job.order.knobs
    tell_left_out(job)
    prompts.hold_library(job.order, processor.tokenizer, job.folder)
    told = job.arguments(
        SeeingConfig,
        max_length=int(knobs["seq_len"]),
        ddp_find_unused_parameters=None,  # TRL turns it on: a batch without pictures leaves a tower without gradients
    )
    model, peft_config = tuned(job, told)
    trainer = SFTTrainer(
        model=model,
        args=told,
        train_dataset=job.train_rows(),
        eval_dataset=job.validation_rows(),
        processing_class=processor,
        peft_config=peft_config,
        callbacks=list(job.callbacks),
    )
    trainer.data_collator = Opening(trainer.data_collator)
    return trainer


def tell_left_out(job: Job) -> None:
    """Rows may be made shorter after they were prepared; those whose pictures do not fit are not trained on then.
    Raises pictures-too-long where none is left."""
    prepared, limit = job.order.input("prepare", "rows"), int(job.order.knobs["seq_len"])
    lengths = [] if job.rows else lengths_of(prepared)
    if not (long := sum(length > limit for length in lengths)) or prepared.suffix != ".arrow":
        return
    if long == len(lengths):
        raise WizardError("pictures-too-long", exit_code=ExitCode.FAILED, limit=limit, shortest=int(min(lengths)))
    job.bench.note("pictures-left-out", "warning", rows=long, total=len(lengths), limit=limit)


def tuned(job: Job, told: SeeingConfig) -> tuple[Any, Any]:
    """As Job.tuned, with the sides that learn."""
    method, model = job.order.spec["method"], job.model(seeing_of)
    sides = learning(told.tower, told.projector, method)
    if method["trainable"] == "all":
        freeze(model, sides)
        return job.tuned(model)
    return job.tuned(model, targets=targets(model, job.order.knobs["targets"], sides))
