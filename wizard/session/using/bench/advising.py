"""When a sweep has seen enough, and how many users at once it advises."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.session.using.bench.figures import Level

BOUND = 2.0  # seconds until the first word, for nine of ten: longer, and people think that it hangs
GROWS = 1.1  # less, and more users only wait longer
NEARLY = 0.9  # of the best: the rest costs twice the wait


def enough(levels: Sequence[Level], bound: float) -> str:
    """Why not to go on to more users; empty: go on."""
    last, before = levels[-1], levels[:-1]
    if last.failures:
        return "failures"
    if (last.ttft_p90 or 0.0) > bound:
        return "slow"
    if before and last.tokens_per_second < GROWS * max(level.tokens_per_second for level in before):
        return "flat"
    return ""


def advised(levels: Sequence[Level], bound: float) -> tuple[int, str]:
    """(users at once, why): the fewest that have nearly the best throughput, all of them answered in time."""
    good = [level for level in levels if not level.failures and level.requests and (level.ttft_p90 or 0.0) <= bound]
    if not good:
        failed = any(level.failures for level in levels)
        return (0, "none") if failed or not levels else (min(level.users for level in levels), "all_slow")
    best = max(level.tokens_per_second for level in good)
    users = min(level.users for level in good if level.tokens_per_second >= NEARLY * best)
    return users, enough(levels, bound) or "all_measured"
