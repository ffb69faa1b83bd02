"""What is measured: one request, all requests at one number of users, the whole sweep. Times are seconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wizard.contract import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request. `first`: when the first word of its answer came; `gaps`: between two pieces of it."""

    began: float
    ended: float
    first: float = 0.0
    gaps: tuple[float, ...] = ()
    read: int = 0  # tokens, as the server counts them
    written: int = 0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    users: int
    requests: int
    failures: int
    seconds: float
    ttft_p50: float | None  # until the first word; of a model that does not write, until its answer
    ttft_p90: float | None
    itl_p50: float | None  # between two pieces of an answer: a piece is a token, with most engines
    itl_p90: float | None
    tokens_per_second: float  # written by all; of a model that does not write, read
    tokens_per_user: float
    read: float  # tokens of a request, on average
    written: float
    client: float  # share of one core that measuring took: near 1 the client is what was measured
    faults: Mapping[str, int] = field(default_factory=dict)  # a problem's code -> how often


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    run: str
    model: str
    engine: str
    head: str
    at: float
    bound: float  # of ttft_p90
    levels: tuple[Level, ...]
    recommended: int  # users; 0: none that were measured
    reason: str  # a word key bench.reason.<code>
    problem: Problem | None = None  # it broke off; what was measured before stands
    report: str = ""
    picture: str = ""


def level_of(asked: Sequence[Asked], users: int, client: float, *, writes: bool) -> Level:
    good = [each for each in asked if not each.problem]
    seconds = max((e.ended for e in asked), default=0.0) - min((e.began for e in asked), default=0.0)
    first = sorted(each.first - each.began for each in good)
    gaps = sorted(gap for each in good for gap in each.gaps)
    tokens = sum(each.written if writes else each.read for each in good)
    rate = tokens / seconds if seconds else 0.0
    faults = Counter(each.problem.code for each in asked if each.problem)
    return Level(
        users=users,
        requests=len(asked),
        failures=len(asked) - len(good),
        seconds=round(seconds, 3),
        ttft_p50=share(first, 0.5),
        ttft_p90=share(first, 0.9),
        itl_p50=share(gaps, 0.5),
        itl_p90=share(gaps, 0.9),
        tokens_per_second=round(rate, 2),
        tokens_per_user=round(rate / users, 2),
        read=round(sum(each.read for each in good) / max(1, len(good)), 1),
        written=round(sum(each.written for each in good) / max(1, len(good)), 1),
        client=round(client / seconds, 3) if seconds else 0.0,
        faults=dict(faults),
    )


def share(ordered: Sequence[float], part: float) -> float | None:
    """The value that `part` of them do not exceed (nearest rank)."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(len(ordered) * part) - 1)], 5)
