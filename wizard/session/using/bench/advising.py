"""When a sweep has seen enough, and how many users at once it advises."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.session.using.bench.figures import Level

BOUND = 2.0  # seconds until the first word, for nine of ten: longer, and people think that it hangs
GROWS = 1.1  # less, and more users only wait longer
NEARLY = 0.9  # of the best: the rest costs twice the wait


def enough(levels: Sequence[Level], bound: float) -> bool:
    """Whether more users cannot be better off. By the half of them: one that hung says little of the others."""
    last, before = levels[-1], levels[:-1]
    best = max((level.tokens_per_second for level in before), default=0.0)
    return bool(last.failures) or (last.ttft_p50 or 0.0) > bound or last.tokens_per_second < GROWS * best


def advised(levels: Sequence[Level], bound: float) -> tuple[int, str]:
    """(users at once, why no more): the fewest that have nearly the best throughput, all of them answered in time.
    `why` is a word key bench.reason.<code>."""
    good = [level for level in levels if not level.failures and not _slow(level, bound)]
    if not good:
        whole = [level.users for level in levels if not level.failures]
        return (min(whole), "all_slow") if whole else (0, "none")
    best = max(level.tokens_per_second for level in good)
    users = min(level.users for level in good if level.tokens_per_second >= NEARLY * best)
    further = beyond(levels, users)
    if not further:
        return users, "all_measured"
    return users, "failures" if further.failures else "slow" if _slow(further, bound) else "flat"


def beyond(levels: Sequence[Level], users: int) -> Level | None:
    """The next more users that were measured."""
    return next((level for level in levels if level.users > users), None)


def _slow(level: Level, bound: float) -> bool:
    return (level.ttft_p90 or 0.0) > bound
