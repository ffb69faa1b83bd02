"""Texts that lie near one another as vectors, by sentence-transformers.

Rows with a number learn it as their cosine; all others learn to find their own positive among those of the batch
(multiple negatives, arXiv:1705.00652), with the negatives that they bring.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.stages.loading import encoder_of
from wizard.stages.training.job import Job

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformerTrainer

COLUMNS = ["anchor", "positive", "negatives", "label"]


def make(job: Job) -> SentenceTransformerTrainer:
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.losses import CosineSimilarityLoss, MultipleNegativesRankingLoss

    limit = int(job.order.knobs["seq_len"])
    each = [(label, len(negatives)) for label, negatives in job.each("label", "negatives")]
    scored = all(json.loads(label) is not None for label, _ in each)
    negatives = 0 if scored else min(count for _, count in each)
    of, features = columns(scored, negatives), features_of(scored, negatives)
    rows = (job.train_rows(), job.validation_rows())
    parts = [part if part is None else part.map(of, remove_columns=COLUMNS, features=features) for part in rows]
    apart = {} if scored else {"batch_sampler": "no_duplicates"}  # a text twice in a batch would be its own negative
    told = job.arguments(SentenceTransformerTrainingArguments, **apart)
    model = job.model(lambda folder, **settings: encoder_of(folder, limit, **settings))
    _, config = job.tuned(model, "FEATURE_EXTRACTION")
    if config is not None:
        model.add_adapter(config)
    return SentenceTransformerTrainer(
        model=model,
        args=told,
        train_dataset=parts[0],
        eval_dataset=parts[1],
        loss=(CosineSimilarityLoss if scored else MultipleNegativesRankingLoss)(model),
        callbacks=list(job.callbacks),
    )


def columns(scored: bool, negatives: int) -> Any:
    """sentence-transformers reads a row's columns in their order; all rows must have the same."""

    def of(row: Mapping[str, Any]) -> dict[str, Any]:
        if scored:
            return {"sentence1": row["anchor"], "sentence2": row["positive"], "score": float(json.loads(row["label"]))}
        more = {f"negative_{number}": row["negatives"][number] for number in range(negatives)}
        return {"query": row["anchor"], "answer": row["positive"], **more}

    return of


def features_of(scored: bool, negatives: int) -> Any:
    """Their types, which sentence-transformers wants to be told of rows that are made while it trains."""
    from datasets import Features, Value

    texts = ["sentence1", "sentence2"] if scored else ["query", "answer", *(f"negative_{n}" for n in range(negatives))]
    return Features(dict.fromkeys(texts, Value("string")) | ({"score": Value("float64")} if scored else {}))
