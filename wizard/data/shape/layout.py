"""What a format is (columns it wants, how a row becomes an Example) and what a source was recognised as."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.data.shape.example import Example

Row = Mapping[str, Any]
Roles = Mapping[str, str]  # role -> column; of an inner role, the key or the tag inside a turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    kind: str  # messages preference kto prompt text classification embedding reranker
    format: str
    mapping: Roles  # empty for plain text; a role told to be "" is not there
    tasks: tuple[str, ...]  # best first
    convert: Callable[[Any, Roles], Example] = field(compare=False, repr=False)  # raises Refused
    label: str = ""  # classification: number, text or list; what most rows have


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    id: str
    kind: str
    tasks: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]  # role -> known spellings of its column, best first
    required: tuple[str, ...]
    fits: Callable[[Row, Roles], bool]  # does this row, whose required columns are filled, look right
    convert: Callable[[Row, Roles], Example]
    refine: Callable[[Shape, list[Row]], Shape] = lambda shape, rows: shape
    inner: tuple[str, ...] = ()  # roles that are no columns but keys and tags inside a turn
    also: tuple[str, ...] = ()  # other names it is called by

    @property
    def names(self) -> tuple[str, ...]:
        return (self.id, self.kind, *self.also)


def normal(column: str) -> str:
    return re.sub(r"[\s\-]+", "_", str(column).strip().lower())


def columns_of(rows: Iterable[Row]) -> Counter[str]:
    """How many rows have each column filled, in the order of the columns."""
    counted: Counter[str] = Counter()
    for row in rows:
        counted.update({str(column): int(value is not None) for column, value in row.items()})
    return counted


def cell_of(row: Row, mapping: Roles, role: str) -> Any:
    """None where the role has no column, or the row not that column."""
    return row.get(mapping[role]) if mapping.get(role) else None


def find_columns(columns: Mapping[str, int], fields: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The column of each role: the best known spelling that half as many rows have as any; no column serves twice."""
    mapping: dict[str, str] = {}
    names = {column: normal(column) for column in columns}
    for role, spellings in fields.items():
        free = [column for column in columns if names[column] in spellings and column not in mapping.values()]
        if free:
            often = [column for column in free if columns[column] * 2 >= max(columns[each] for each in free)]
            mapping[role] = min(often, key=lambda column: spellings.index(names[column]))
    return mapping
