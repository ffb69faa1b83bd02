"""Rows come tokenised from the prepare stage: what TRL's trainers would make of texts is there already."""

from __future__ import annotations

from typing import Any

from wizard.stages.loading import model_of
from wizard.stages.training.job import Job


class Ready:
    """Before a trainer of TRL that prepares its rows in `_prepare_dataset`: they are left as they are."""

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        return dataset


def learner(job: Job) -> Any:
    """The model to be trained. Where that is all of it, in fp32, as TRL loads it: at the learning rates of preferences
    (5e-7) a step is smaller than the distance between two numbers of 16 bits, and would change nothing."""
    return job.model(in_fp32 if job.order.spec["method"]["trainable"] == "all" else model_of)


def in_fp32(folder: Any, **settings: Any) -> Any:
    import torch

    return model_of(folder, **{**settings, "dtype": torch.float32})


def reference(job: Job, told: Any, peft_config: Any) -> Any:
    """A frozen copy of the base, for a model without an adapter that TRL can switch off to ask what the base says.

    None too where TRL asks the base about all rows before the first step (`precompute_ref_log_probs`).
    """
    return None if peft_config or told.precompute_ref_log_probs else learner(job)


def asked_ahead(job: Job, told: Any, rows: Any) -> None:
    """Rows that are made on the way cannot be asked about before the first step: a copy of the base stays beside."""
    from datasets import IterableDataset

    if told.precompute_ref_log_probs and isinstance(rows, IterableDataset):
        told.precompute_ref_log_probs = False
        job.bench.note("reference-kept", "warning")
