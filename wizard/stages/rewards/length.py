"""How long an answer is, in tokens: near a target, or not over a limit."""

from __future__ import annotations

from collections.abc import Sequence

SOFT_SHARE = 5  # DAPO: the last 4096 of 20480 tokens


def near(target: float, lengths: Sequence[int]) -> list[float]:
    """0 at the target, down to -1 at none or twice as much: the term of L1-Exact (arXiv:2503.04697, eq. 1), relative
    and bounded so that it weighs no more than the other rewards."""
    return [-min(1.0, abs(length - target) / target) for length in lengths]


def overlong(most: int, lengths: Sequence[int]) -> list[float]:
    """DAPO's soft overlong punishment (arXiv:2503.14476, eq. 13): 0 up to `most` less its last fifth, then linearly
    down to -1."""
    soft = max(1, most // SOFT_SHARE)
    return [-min(1.0, max(0.0, (length - (most - soft)) / soft)) for length in lengths]
