"""Where the one that belongs stands among others: MRR, nDCG@10 and recall@k of a list with one right text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log2
from typing import Any

from wizard.contract import Result
from wizard.stages.evaluating.figures import mean_of

CUT = 10


def rank_of(scores: Sequence[float], right: int) -> int:
    """From 1; of equal scores the right one stands last, so that a model that gives one score to all gains nothing."""
    return sum(score >= scores[right] for score in scores)


def reciprocal(rank: int) -> float:
    return 1 / rank


def gain(rank: int) -> float:
    """nDCG@10 with one relevant text (Jaervelin and Kekaelaeinen 2002)."""
    return 1 / log2(rank + 1) if rank <= CUT else 0.0


def results_of(
    subject: str, ranks: Sequence[int], base: Sequence[int] | None, settings: Mapping[str, Any]
) -> Iterator[Result]:
    ways: Mapping[str, Callable[[int], float]] = {
        "mrr": reciprocal,
        f"ndcg_{CUT}": gain,
        "recall_1": lambda rank: float(rank <= 1),
        "recall_5": lambda rank: float(rank <= 5),
    }
    for measure, of in ways.items():
        before = [of(rank) for rank in base] if base else None
        yield mean_of(subject, measure, [of(rank) for rank in ranks], before, settings)


def by_chance(texts: int) -> float:
    """The MRR of so many texts in any order."""
    return sum(1 / rank for rank in range(1, texts + 1)) / texts
