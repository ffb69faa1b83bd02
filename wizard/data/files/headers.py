"""The names that a table's first line gives its columns, and rows under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from wizard.contract import Rejected


def named(cells: Sequence[Any]) -> list[str]:
    """No two alike and none empty, so that no column hides another: `answer`, `answer.1`, `column 3`."""
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(cells, 1):
        name = str(cell).strip() if cell is not None else ""
        name = name or f"column {number}"
        names.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def row_of(number: int, names: Sequence[str], cells: Sequence[Any]) -> dict[str, Any] | Rejected:
    if len(cells) > len(names) and any(map(_is_filled, cells[len(names) :])):
        return Rejected(line=number, code="too-many-cells", params={"cells": len(cells), "columns": len(names)})
    return dict(zip(names, [*cells, *[None] * (len(names) - len(cells))], strict=False))


def headed(lines: Iterable[Sequence[Any]]) -> Iterator[tuple[int, dict[str, Any] | Rejected]]:
    """Rows of a sheet. A title over the table, alone in its line, is none of its columns' names."""
    filled = [line for line in lines if any(map(_is_filled, line))]
    while len(filled) > 1 and _count(filled[0]) == 1 < _count(filled[1]):
        filled.pop(0)
    if not filled:
        return
    header = filled.pop(0)
    width = max(column for column, cell in enumerate(header, 1) if _is_filled(cell))
    wide = max((column for line in filled for column, cell in enumerate(line, 1) if _is_filled(cell)), default=0)
    names = named([*header[: max(width, wide)]])
    for number, cells in enumerate(filled, 1):
        yield number, row_of(number, names, cells)


def _count(line: Sequence[Any]) -> int:
    return sum(map(_is_filled, line))


def _is_filled(cell: Any) -> bool:
    return cell is not None and bool(str(cell).strip())
