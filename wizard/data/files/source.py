"""A source opened once: what it is, and all its rows (those looked at to decide included)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from wizard.contract import Line, Problem, Rejected
from wizard.data.files.containers import Cut, cut_of
from wizard.data.files.encodings import check_encoding
from wizard.data.files.listing import Listing, listing
from wizard.data.files.parts import Part, seekable
from wizard.data.files.rows import Numbered, rows
from wizard.data.files.sheets import sheet_of
from wizard.data.shape.example import Converted
from wizard.data.shape.fault import DataFault, in_file
from wizard.data.shape.layout import Shape
from wizard.data.shape.recognising import HEAD_ROWS, recognise, to_example


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    shape: Shape
    first: Cut  # the first file's
    rows: Numbered  # a row of several files has a contract.Line, which knows its file
    listing: Listing
    encodings: dict[str, None]  # in which the files read so far are
    notes: tuple[Problem, ...] = ()

    @property
    def encoding(self) -> str:
        """Several are joined by a comma."""
        return ", ".join(self.encodings)

    def examples(self) -> Iterator[tuple[int, Converted]]:
        for line, row in self.rows:
            yield line, to_example(self.shape, row, line)


def open_source(
    path: Path,
    *,
    encoding: str = "",
    format: str = "",
    mapping: Mapping[str, str] | None = None,
    subset: str = "",
    split: str = "",
) -> Source:
    """What the caller knows already (from a plan, or from a person) is used as it is; the rest is found out."""
    with in_file(path):
        encoding = check_encoding(encoding) if encoding else ""
        found = listing(path, subset, split)
        first = cut_of(found.parts[0], encoding)
        reading = _Reading(found, encoding, first, {first.encoding: None})
        numbered = reading.rows()
        head = list(islice(numbered, HEAD_ROWS))
        shape = recognise((row for _, row in head), format, mapping)
        notes = (*found.notes, *_sheets(found.parts[0], first))
    return Source(
        shape=shape,
        encodings=reading.encodings,
        first=first,
        rows=chain(head, numbered),
        listing=found,
        notes=notes,
    )


@dataclass(slots=True)
class _Reading:
    """One part after another."""

    found: Listing
    told: str
    first: Cut
    encodings: dict[str, None]

    def rows(self) -> Numbered:
        for number, part in enumerate(self.found.parts):
            try:
                cut = cut_of(part, self.told) if number else self.first
                self.encodings[cut.encoding] = None
                yield from labelled(part, rows(part, cut))
            except DataFault as fault:
                if fault.problem.code in ("data-empty", "data-no-rows") and len(self.found.parts) > 1:
                    continue
                raise DataFault(fault.problem.code, **{**fault.problem.params, "path": str(part.place)}) from None


def labelled(part: Part, numbered: Iterable[tuple[int, Any]]) -> Numbered:
    if not part.label:
        yield from numbered
        return
    for number, row in numbered:
        line = Line(number, part.label, number.offset if isinstance(number, Line) else 0)
        yield line, replace(row, line=line) if isinstance(row, Rejected) else row


def _sheets(part: Part, cut: Cut) -> tuple[Problem, ...]:
    if cut.container != "sheet":
        return ()
    with seekable(part) as file:
        sheet = sheet_of(file, part.sheet)
    told: dict[str, Any] = {"sheet": sheet.name, "others": ", ".join(sheet.others)}
    return (Problem(code="data-sheet-taken", params=told),) if sheet.others and not part.sheet else ()
