"""How much there is to learn from, as the law of time takes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from wizard.contract import DataReport

LETTERS_A_TOKEN = 4.0  # of an alphabet; what is not ASCII is about a token each
TURN_TOKENS = 6  # that a chat template puts around a turn


class Amount(NamedTuple):
    """`row_tokens`: a row's, in the mean, before any tokenizer has seen it; 0 for both where nothing is known."""

    rows: int = 0
    row_tokens: int = 0


def amount_of(report: DataReport | None) -> Amount:
    """From the rows' characters, and how those of the samples are shared between alphabets and other writing."""
    if report is None or not report.usable:
        return Amount()
    samples = [list(_contents(sample)) for sample in report.samples]
    text = "".join(part for parts in samples for part in parts)
    turns = sum(map(len, samples)) / max(len(samples), 1)
    density = tokens_of(text) / len(text) if text else 1 / LETTERS_A_TOKEN
    return Amount(report.usable, round(report.characters / report.usable * density + turns * TURN_TOKENS) or 1)


def tokens_of(text: str) -> float:
    letters = sum(character.isascii() for character in text)
    return letters / LETTERS_A_TOKEN + len(text) - letters


def _contents(sample: Mapping[str, Any]) -> Iterable[str]:
    return (str(turn.get("content", "")) for turn in sample.get("messages", ()))
