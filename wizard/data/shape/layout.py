"""What a format is (columns it wants, how a row becomes messages) and what a source was recognised as."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.data.shape.example import Talk

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    kind: str  # messages text
    format: str
    mapping: Mapping[str, str]  # role -> column of the source; empty for plain text
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    id: str
    kind: str
    tasks: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]  # role -> known spellings of its column, best first
    required: tuple[str, ...]
    fits: Callable[[Row, Mapping[str, str]], bool]  # does this row, whose required columns are there, look right
    convert: Callable[[Row, Mapping[str, str]], Talk]
    refine: Callable[[Shape, list[Row]], Shape] = lambda shape, rows: shape


def normal(column: str) -> str:
    return re.sub(r"[\s\-]+", "_", str(column).strip().lower())


def columns_of(rows: Iterable[Row]) -> Counter[str]:
    """How many rows have each column filled, in the order of the columns."""
    counted: Counter[str] = Counter()
    for row in rows:
        counted.update({str(column): int(value is not None) for column, value in row.items()})
    return counted


def find_columns(columns: Mapping[str, int], fields: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The column of each role: the one most rows have, then the better known spelling; no column serves twice."""
    mapping: dict[str, str] = {}
    for role, spellings in fields.items():
        free = [column for column in columns if normal(column) in spellings and column not in mapping.values()]
        if free:
            mapping[role] = min(free, key=lambda column: (-columns[column], spellings.index(normal(column))))
    return mapping
