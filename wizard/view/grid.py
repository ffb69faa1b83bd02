"""Columns of text, padded by what a terminal draws (a Chinese sign is two cells wide), not by length."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content

Cell = str | tuple[str, str] | Content


def grid(rows: Sequence[Sequence[Cell]], *, right: Sequence[int] = (), gap: int = 2) -> Content:
    """`right`: the columns that are set flush right, for numbers."""
    cells = [[cell if isinstance(cell, Content) else Content.assemble(cell) for cell in row] for row in rows]
    widths = [max(cell.cell_length for cell in column) for column in zip(*cells, strict=True)]
    return Content("\n").join([_line(row, widths, right, gap) for row in cells])


def _line(row: Sequence[Content], widths: Sequence[int], right: Sequence[int], gap: int) -> Content:
    parts: list[Content | str] = []
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        blank = " " * (width - cell.cell_length)
        parts += [blank, cell] if place in right else [cell, blank]
        parts.append(" " * gap)
    return Content.assemble(*parts[:-1])


def flow(items: Sequence[Content], width: int, *, gap: int = 2) -> Content:
    """Items one after another, a new line where the next does not fit; none is broken."""
    lines: list[list[Content]] = [[]]
    used = 0
    for item in items:
        if lines[-1] and used + gap + item.cell_length > width:
            lines.append([])
            used = 0
        used += item.cell_length + (gap if lines[-1] else 0)
        lines[-1].append(item)
    return Content("\n").join([Content(" " * gap).join(line) for line in lines])


def clipped(text: str, width: int) -> str:
    """Cut to `width` cells, with dots where something is missing."""
    return text if cell_len(text) <= width else set_cell_size(text, max(0, width - 3)).rstrip() + "..."
