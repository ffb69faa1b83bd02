"""Texts and their labels by transformers' own Trainer: a head with one output a class on a model that reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.stages.loading import padding, scorer_of
from wizard.stages.training import labels
from wizard.stages.training.job import Job
from wizard.tuners.preparing import prepare_model

if TYPE_CHECKING:
    from transformers import Trainer


def make(job: Job) -> Trainer:
    known = labels.labels_of(label for (label,) in job.each("label"))
    labels.keep(known, job.bench.folder)
    rows, kept = job.train_rows(), job.validation_rows()

    def encoded(row: Any) -> dict[str, Any]:
        return {"labels": known.encoded(row["label"])}

    parts = [part if part is None else part.map(encoded, remove_columns="label") for part in (rows, kept)]
    return scoring(job, parts, known.settings, measure(known))


def scoring(job: Job, parts: Any, head: dict[str, Any], measured: Any) -> Trainer:
    """`parts`: rows of `input_ids` and `labels` to train on, and those to validate by or None."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    tokenizer = job.tokenizer
    told = job.arguments(TrainingArguments)
    named = {name: value for name, value in head.items() if name != "num_labels"}
    model = job.model(lambda folder, **settings: scorer_of(folder, head["num_labels"], **named, **settings))
    model.config.pad_token_id = padding(tokenizer)  # what is scored stands at the last token that is no padding
    model, config = job.tuned(model, "SEQ_CLS")
    return Trainer(
        model=prepare_model(model, config),
        args=told,
        data_collator=DataCollatorWithPadding(tokenizer),
        train_dataset=parts[0],
        eval_dataset=parts[1],
        processing_class=tokenizer,
        compute_metrics=measured,
        callbacks=list(job.callbacks),
    )


def measure(known: labels.Labels) -> Any:
    """Of a validation: the share of rows that are right, or how far the numbers are off on average."""

    def of(told: Any) -> dict[str, float]:
        scores, wanted = told.predictions, told.label_ids
        if known.kind == "number":
            return {"mean_error": float(abs(scores.reshape(-1) - wanted.reshape(-1)).mean())}
        right = (scores.argmax(-1) == wanted) if known.kind == "one" else ((scores > 0) == (wanted > 0.5)).all(-1)
        return {"accuracy": float(right.mean())}

    return of
