"""Rows that a JSON document holds all at once: in a list under a name, by their ids, or column by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

WRAPPERS = (
    "data", "train", "rows", "examples", "instances", "items", "records", "samples", "dataset", "questions", "results"
)  # fmt: skip
SPEAKERS = frozenset(("role", "from", "speaker"))  # what has one of them is a turn, no row


def unwrapped(document: Any) -> Iterator[Any]:
    """Its rows; the document itself where it is one row."""
    if document is None:
        return
    if not isinstance(document, dict):
        yield document
        return
    yield from _listed(document) or _by_id(document) or _by_column(document) or [document]


def _listed(document: Mapping[str, Any]) -> list[Any]:
    """{"data": [...]}, Navicat's {"RECORDS": [...]}, or whatever name alone."""
    known = [value for name, value in document.items() if name.lower() in WRAPPERS and isinstance(value, list)]
    lists = known or [value for value in document.values() if len(document) == 1 and isinstance(value, list)]
    if len(lists) == 1 and any(_is_row(row) for row in lists[0]):
        return [row["row"] if _is_numbered(row) else row for row in lists[0]]
    return []


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) and not SPEAKERS & value.keys()


def _is_numbered(row: Any) -> bool:
    """As the hub's own viewer answers: {"row_idx": 0, "row": {...}}."""
    return isinstance(row, dict) and "row_idx" in row and isinstance(row.get("row"), dict)


def _by_id(document: Mapping[str, Any]) -> list[Any]:
    """{"q1": {...}, "q2": {...}}: objects of the same names; pandas writes columns in that form, each by row number."""
    rows = list(document.values())
    if not all(map(_is_row, rows)) or len({frozenset(row) for row in rows}) != 1:
        return []
    if all(name.isdigit() for name in document):
        return rows
    if all(name.isdigit() for name in rows[0]):
        return [dict(zip(document, cells, strict=True)) for cells in zip(*(row.values() for row in rows), strict=True)]
    return rows if len(rows) > 1 else []


def _by_column(document: Mapping[str, Any]) -> list[Any]:
    """{"question": [...], "answer": [...]}: lists of one length, of cells and not of turns."""
    columns = list(document.values())
    alike = all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns)
    if len(columns) < 2 or not alike or any(isinstance(cell, dict) for column in columns for cell in column):
        return []
    return [dict(zip(document, cells, strict=True)) for cells in zip(*columns, strict=True)]
