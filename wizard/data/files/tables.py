"""The rows of a table with a header line: comma, semicolon or tab between cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from wizard.contract import Rejected
from wizard.data.files.headers import named, row_of
from wizard.data.shape.fault import DataFault

LONGEST_CELL = 16 << 20
_SAID = re.compile(r'"?sep=(\\t|.)"?', re.I)
_END = "\x00end of table\x00"


def table(lines: Iterable[str], delimiter: str = "") -> Iterator[tuple[int, dict[str, Any] | Rejected]]:
    """Numbered from 1 without the header. A quote left open swallows the rest: the line it opened in is named."""
    csv.field_size_limit(LONGEST_CELL)
    feed = iter(lines)
    header = next((line for line in feed if line.strip()), "")
    if not header:
        return
    mark = delimiter or _delimiter(header)
    if said := _SAID.fullmatch(header.strip()):  # a first line for Excel, no header
        mark, header = said[1].replace("\\t", "\t"), next((line for line in feed if line.strip()), "")
    spaced = header.count(mark) == header.count(f"{mark} ") > 0
    records = _records(csv.reader(chain([header], feed, [_END]), delimiter=mark, skipinitialspace=spaced))
    names = named(next(records, []))
    for number, cells in enumerate(records, 1):
        yield number, row_of(number, names, cells)


def _delimiter(header: str) -> str:
    return max((",", "\t", ";", "|"), key=header.count)


def _records(reader: Any) -> Iterator[list[str]]:
    """Everything but empty lines, up to the end mark: inside another record it shows that a quote was never closed."""
    began = 1
    while True:
        try:
            cells = next(reader)
        except csv.Error as error:
            raise DataFault("data-table-broken", line=reader.line_num, why=str(error)) from None
        if cells == [_END]:
            return
        if cells and _END in cells[-1]:
            raise DataFault("data-table-quote", line=began)
        began = reader.line_num + 1
        if any(cell.strip() for cell in cells):
            yield cells
