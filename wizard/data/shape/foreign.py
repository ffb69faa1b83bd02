"""Data that is for another task than the ones here: seen clearly, so that it is named and not misread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wizard.data.shape import columns, conversation
from wizard.data.shape.layout import Row, normal
from wizard.data.shape.values import is_missing, listed

PREFERRED = (
    ("chosen", "rejected"), ("chosen_response", "rejected_response"), ("better", "worse"), ("accepted", "rejected"),
    ("response_j", "response_k"), ("chosen_messages", "rejected_messages"),
)  # fmt: skip
REJECTED = ("rejected_response", "rejected_messages")
SIMILAR = ("positive_messages", "negative_messages", "positive", "negative", "positives", "negatives", "hard_negatives")
BOOLEANS = ("true", "false")


def foreign_kind(rows: list[Row]) -> str:
    """preference, kto, embedding, classification or prompt when most rows are that; else nothing."""
    plain = [{normal(column): value for column, value in row.items()} for row in rows]
    for kind, is_kind in KINDS.items():
        if plain and sum(is_kind(row) for row in plain) * 2 > len(plain):
            return kind
    return ""


def _has(row: Row, *names: str) -> bool:
    return all(not is_missing(row.get(name)) for name in names)


def _preference(row: Row) -> bool:
    return any(_has(row, name) for name in REJECTED) or any(_has(row, *names) for names in PREFERRED)


def _turns(row: Row) -> list[Any]:
    names = [name for name in conversation.FIELDS["messages"] if name in row]
    return (listed(row[names[0]]) or []) if names else []


def _last_role(row: Row) -> str:
    turns = _turns(row)
    last = turns[-1] if turns and isinstance(turns[-1], dict) else {}
    spoken = next((last[key] for key in conversation.ROLE_KEYS if key in last), "")
    return conversation.ROLE_OF.get(str(spoken).strip().lower(), "")


def _answered(row: Row) -> bool:
    answers = set(columns.ANSWERS) - {"text", "content"}
    return _last_role(row) == "assistant" or any(_has(row, name) for name in answers)


def _kto(row: Row) -> bool:
    marks = [row[name] for name in ("label", "kto_tag") if name in row]
    said = any(isinstance(mark, bool) or str(mark).strip().lower() in BOOLEANS for mark in marks)
    return said and _answered(row)


def _classification(row: Row) -> bool:
    return any(_has(row, name) for name in ("label", "labels")) and not _answered(row)


def _embedding(row: Row) -> bool:
    return any(_has(row, name) for name in SIMILAR) or _has(row, "sentence1", "sentence2")


def _prompt(row: Row) -> bool:
    known = {*conversation.FIELDS["messages"], *conversation.FIELDS["system"], "id"}
    return _last_role(row) == "user" and any(column not in known for column in row)


KINDS: dict[str, Callable[[Row], bool]] = {
    "preference": _preference,
    "kto": _kto,
    "embedding": _embedding,
    "classification": _classification,
    "prompt": _prompt,
}
