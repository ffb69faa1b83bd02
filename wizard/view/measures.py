"""An evaluation in lines: the main figures, from the base to the trained model and its smaller format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wizard.words import known, say

SHARES = (
    "accuracy",
    "acc",
    "acc_norm",
    "exact_match",
    "rouge_l",
    "macro_f1",
    "pair_accuracy",
    "preference",
    "mrr",
    "ndcg_10",
)
GROUPS = ("own", "general", "benchmark")
FEW = 3  # figures in a line
Shown = Mapping[str, Any]


def lines(results: Sequence[Shown]) -> Iterator[tuple[str, str]]:
    """(label, figures): of the rows of one's own, of general text, of benchmarks; those there are."""
    for group in GROUPS:
        figures = told([each for each in results if group_of(str(each["source"])) == group])
        if figures:
            yield say(f"evaluated.group.{group}"), say("view.comma").join(figures[:FEW])


def group_of(source: str) -> str:
    return "own" if source == "own" else "general" if source.startswith("general") else "benchmark"


def told(results: Sequence[Shown]) -> list[str]:
    keys = dict.fromkeys((each["source"], each["measure"]) for each in results)
    return [named(*key, [each for each in results if (each["source"], each["measure"]) == key]) for key in keys]


def named(source: str, measure: str, results: Sequence[Shown]) -> str:
    name = word("measure", measure) if source == "own" else word("source", source)
    return f"{name} " + " -> ".join(number(measure, each["value"]) for each in results)


def word(kind: str, name: str) -> str:
    key = f"evaluated.{kind}.{name}"
    return say(key) if known(key) else name


def number(measure: str, value: float) -> str:
    return f"{value:.0%}" if measure in SHARES else f"{value:.3g}" if value < 1000 else f"{value:.0f}"
