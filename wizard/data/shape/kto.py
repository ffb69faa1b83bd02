"""Answers that are each marked good or bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wizard.data.shape import columns, conversation
from wizard.data.shape.example import Example
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row
from wizard.data.shape.values import is_missing, truth_of

MARKS = {"label": ("kto_tag", "label", "labels", "is_good", "desirable", "标签", "好坏")}


def marked(convert: Callable[[Row, Roles], Example]) -> Callable[[Row, Roles], Example]:
    def with_label(row: Row, mapping: Roles) -> Example:
        return replace(convert(row, mapping), label=mark_of(row.get(mapping["label"])))

    return with_label


def mark_of(value: Any) -> bool:
    if is_missing(value):
        raise Refused("no-label")
    if (mark := truth_of(value)) is None:
        raise Refused("bad-label", found=str(value)[:40])
    return mark


def _judged(row: Row, mapping: Roles) -> bool:
    return truth_of(row[mapping["label"]]) is not None


def _judged_turns(row: Row, mapping: Roles) -> bool:
    return _judged(row, mapping) and conversation.answers(row, mapping)


KTOS = (
    Format(
        **conversation.TURNS,  # type: ignore[arg-type]
        kind="kto",
        tasks=("kto",),
        fields={**MARKS, **conversation.TURN_FIELDS},
        required=("messages", "label"),
        fits=_judged_turns,
        convert=marked(conversation.convert),
    ),
    Format(
        id="alpaca",
        kind="kto",
        tasks=("kto",),
        fields={**MARKS, **columns.ALPACA_FIELDS},
        required=("instruction", "output", "label"),
        fits=_judged,
        convert=marked(columns.alpaca),
    ),
    Format(
        id="kto",
        kind="kto",
        tasks=("kto",),
        fields={**MARKS, **columns.PAIR_FIELDS},
        required=("question", "answer", "label"),
        fits=_judged,
        convert=marked(columns.pair),
    ),
)
