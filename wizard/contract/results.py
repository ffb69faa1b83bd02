"""What an evaluation says: one schema for rows of one's own, general text and benchmarks, and what differs in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EVALUATED = {"cpu": (48, 12), "cuda": (512, 96)}  # rows whose loss is taken, and rows that are answered
SURE = 1.96  # standard errors: what is further off is no chance, at 95 %
DEARER = 0.05  # a perplexity of general text that rose by a larger share is told

Direction = Literal["up", "down"]
Turn = Literal["better", "worse", "same", "unsure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One number. `gain`: from the base to this subject, in the unit that `stderr` has, row by row where both were
    given the same rows, so that it is far more certain than the numbers themselves."""

    subject: str  # base tuned quantised checkpoint-N; guess: what one gets without a model
    measure: str
    value: float
    n: int  # rows or questions
    direction: Direction  # where better lies
    source: str  # own, general.en, general.zh, judge, or a benchmark's id
    stderr: float | None = None
    gain: float | None = None
    gain_stderr: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def turned(before: Result, after: Result) -> Turn:
    """What became of a measure. `unsure`: the difference is not beyond what chance makes, or chance is not known."""
    found, error = difference(before, after)
    if found == 0:
        return "same"
    if error is None or abs(found) <= SURE * error:
        return "unsure"
    return "better" if (found > 0) == (after.direction == "up") else "worse"


def difference(before: Result, after: Result) -> tuple[float, float | None]:
    """With its standard error; by rows where they were paired. Where all rows say the same it is taken for that of one
    row among them: few rows are no certainty."""
    if before.subject == "base" and after.gain is not None:
        return after.gain, None if after.gain_stderr is None else after.gain_stderr or 1 / after.n
    if before.stderr is None or after.stderr is None:
        return after.value - before.value, None
    ones = (before.stderr or 1 / before.n, after.stderr or 1 / after.n)
    return after.value - before.value, (ones[0] ** 2 + ones[1] ** 2) ** 0.5


def worsened(results: Iterable[Result]) -> list[tuple[Result, Result]]:
    """(base, subject) of each general ability that was lost beyond noise; of a perplexity, by more than `DEARER` too.
    The rows of one's own are what the training was for, and tell nothing about it."""
    found = list(results)
    base = {(each.source, each.measure): each for each in found if each.subject == "base"}
    general = [each for each in found if each.source not in ("own", "judge") and each.measure != "loss"]
    pairs = [(base.get((each.source, each.measure)), each) for each in general]
    told = [(old, new) for old, new in pairs if old and new is not old and turned(old, new) == "worse"]
    return [(old, new) for old, new in told if new.measure != "perplexity" or new.value > old.value * (1 + DEARER)]
