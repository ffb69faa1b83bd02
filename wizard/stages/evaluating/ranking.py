"""Rerankers: where the text that answers a question stands among those that do not, of its own row or of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wizard.contract import EVALUATED, Result
from wizard.stages.desk import Bench
from wizard.stages.evaluating.figures import corpus
from wizard.stages.evaluating.ranks import by_chance, rank_of, results_of
from wizard.stages.evaluating.rows import held
from wizard.stages.evaluating.subjects import Subject, headed, number_type, scored
from wizard.stages.loading import tokenizer_of
from wizard.stages.prepared import Row
from wizard.stages.training.reranker import as_one

AMONG = 10  # texts, the right one first


def measure(bench: Bench, subjects: Sequence[Subject]) -> tuple[list[Result], dict[str, Any]]:
    spec = bench.order.spec
    chosen = held(bench, EVALUATED[str(spec.get("device", "cpu"))][0])
    lists = [candidates(row, chosen.rows) for row in chosen.rows]
    settings = {**chosen.settings, "among": AMONG, "dtype": str(number_type(spec)).removeprefix("torch.")}
    chance = sum(by_chance(len(texts)) for texts in lists) / max(1, len(lists))
    results = [corpus("guess", "mrr", chance, len(lists), settings)]
    for subject in headed(subjects):
        bench.phase(f"evaluate-{subject.name}")
        pairs = [as_one(row["anchor"], text) for row, texts in zip(chosen.rows, lists, strict=True) for text in texts]
        told = tokenizer_of(subject.folder)(pairs, truncation=True, max_length=int(spec["seq_len"]))["input_ids"]
        found = iter([each[0] for each in scored(subject, spec, told, bench)])
        ranks = [rank_of([next(found) for _ in texts], 0) for texts in lists]
        results += results_of(subject.name, ranks, None, settings)
    return results, {"rows": len(lists)}


def candidates(row: Row, rows: Sequence[Row]) -> list[str]:
    """The right text, its row's wrong ones, and other rows' right ones that are not its own."""
    own = [each["positive"] for each in rows if each["anchor"] == row["anchor"]]
    others = [each["positive"] for each in rows if each["positive"] not in own]
    return list(dict.fromkeys([row["positive"], *row["negatives"], *others]))[:AMONG]
