"""Loss of the tokens that were to be learnt, a row at a time, and what a model makes of text that it was not taught."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from wizard.stages.preparing.tokens import IGNORED

AT_ONCE = 256  # places whose logits are widened together


class Loss(NamedTuple):
    """Of one row: summed over its tokens, in nats."""

    total: float
    tokens: int


def row_loss(network: Any, ids: Sequence[int], labels: Sequence[int]) -> Loss:
    """No token of the answer: (0, 0), and nothing is asked."""
    if all(label == IGNORED for label in labels[1:]):
        return Loss(0.0, 0)
    with torch.inference_mode():
        return summed(network(torch.tensor([list(ids)], device=network.device)).logits[0], labels)


def summed(logits: torch.Tensor, labels: Sequence[int]) -> Loss:
    """`logits`: of a row, (tokens, vocabulary). The first token is foretold by nothing."""
    wanted = torch.tensor(list(labels[1:]), device=logits.device)
    places = (wanted != IGNORED).nonzero().flatten()
    parts = places.split(AT_ONCE) if len(places) else ()
    total = sum(float(cross_entropy(logits[part].float(), wanted[part], reduction="sum")) for part in parts)
    return Loss(total, len(places))


def mean(losses: Sequence[Loss]) -> float:
    """A token weighs as much in a long row as in a short one."""
    return sum(loss.total for loss in losses) / max(1, sum(loss.tokens for loss in losses))


def stderr(losses: Sequence[Loss]) -> float | None:
    """Of `mean`, over the rows: that of a ratio of two sums (Cochran, Sampling Techniques, 1977, 6.3)."""
    if len(losses) < 2:
        return None
    whole = mean(losses)
    tokens = sum(loss.tokens for loss in losses)
    spread = sum((loss.total - whole * loss.tokens) ** 2 for loss in losses)
    return math.sqrt(spread * len(losses) / (len(losses) - 1)) / tokens


def moved(before: Sequence[Loss], after: Sequence[Loss]) -> tuple[float, float | None]:
    """The mean loss of the same rows after less that before, and its standard error."""
    steps = [Loss(new.total - old.total, old.tokens) for old, new in zip(before, after, strict=True)]
    return mean(steps), stderr(steps)


def perplexity(loss: float) -> float:
    return math.exp(min(loss, 700.0))
