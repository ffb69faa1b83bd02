"""Which of several texts answers a question: pairs of both as one text, scored by one output (a cross-encoder).

A pair that belongs together is 1, one that does not 0, or what its label says; binary cross-entropy, as in Nogueira and
Cho (arXiv:1901.04085).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.stages.training import labels
from wizard.stages.training.classification import scoring
from wizard.stages.training.job import Job

if TYPE_CHECKING:
    from transformers import Trainer

HEAD = labels.Labels("many", ("relevant",))


def make(job: Job) -> Trainer:
    labels.keep(HEAD, job.bench.folder)
    rows = (job.train_rows(), job.validation_rows())
    return scoring(job, [part if part is None else paired(job, part) for part in rows], HEAD.settings, None)


def paired(job: Job, rows: Any) -> Any:
    limit = int(job.order.knobs["seq_len"])

    def told(batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        found = [
            pair
            for values in zip(*batch.values(), strict=True)
            for pair in pairs(dict(zip(batch, values, strict=True)))
        ]
        texts = job.tokenizer([as_one(query, text) for query, text, _ in found], truncation=True, max_length=limit)
        return {"input_ids": texts["input_ids"], "labels": [[score] for _, _, score in found]}

    return rows.map(told, batched=True, remove_columns=["anchor", "positive", "negatives", "label"])


def pairs(row: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Of a row as the prepare stage makes it; the number of a scored pair lies between 0 and 1."""
    label = json.loads(row["label"])
    score = float(label) if isinstance(label, (int, float)) else 1.0
    yield row["anchor"], row["positive"], min(1.0, max(0.0, score))
    for text in row["negatives"]:
        yield row["anchor"], text, 0.0


def as_one(query: str, text: str) -> str:
    return f"{query}\n{text}"
