"""A data file as numbered rows. The screen and the prepare stage both read through here, so they see the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from wizard.contract import Rejected
from wizard.data.files.columnar import columnar
from wizard.data.files.containers import Cut
from wizard.data.files.encodings import as_text
from wizard.data.files.jsonstream import LONGEST, TOO_LONG, elements
from wizard.data.files.parts import Part, opened, seekable
from wizard.data.files.sheets import workbook
from wizard.data.files.tables import table
from wizard.data.shape.fault import in_file

COLUMNAR = ("parquet", "arrow", "feather")
Numbered = Iterator[tuple[int, dict[str, Any] | str | Rejected | Any]]


def rows(part: Part, cut: Cut) -> Numbered:
    """(line, row): a dict, a str (a paragraph), or a Rejected where the line cannot be read at all.

    Raises DataFault where the file as a whole cannot be read.
    """
    with in_file(part.path):
        if cut.container in COLUMNAR:
            with seekable(part) as file:
                yield from columnar(file, cut.container)
        elif cut.container == "sheet":
            with seekable(part) as file:
                yield from workbook(file, part.sheet)
        else:
            with opened(part) as stream, as_text(stream, cut.encoding) as text:
                yield from rows_of(text, cut.container)


def rows_of(stream: TextIO, container: str) -> Numbered:
    if container == "jsonl":
        return _json_lines(stream)
    if container == "json":
        return enumerate(elements(stream), 1)
    if container in ("csv", "tsv"):
        return table(stream, "\t" if container == "tsv" else "")
    return _paragraphs(stream)


def json_line(number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", "") or type(error).__name__
        return Rejected(
            line=number, code="bad-json", params={"line": number, "column": getattr(error, "colno", 1), "why": why}
        )


def _json_lines(stream: TextIO) -> Numbered:
    for number, text in _lines(stream):
        if isinstance(text, Rejected):
            yield number, text
        elif text.strip():
            yield number, json_line(number, text)


def _lines(stream: TextIO) -> Iterator[tuple[int, str | Rejected]]:
    """Physical lines; one that is too long for memory is given up, not read whole."""
    number = 0
    while text := stream.readline(LONGEST):
        number += 1
        if len(text) < LONGEST or text.endswith("\n"):
            yield number, text
            continue
        while (text := stream.readline(LONGEST)) and not text.endswith("\n"):
            pass
        yield number, Rejected(line=number, code="too-long", params={"characters": LONGEST, "why": TOO_LONG})


def _paragraphs(stream: TextIO) -> Numbered:
    """Lines up to an empty one are a row; it is numbered by its first line."""
    first, kept = 0, []
    for number, text in _lines(stream):
        if isinstance(text, Rejected):
            yield number, text
        elif text.strip():
            first = first or number
            kept.append(text)
        elif kept:
            yield first, _joined(kept)
            first, kept = 0, []
    if kept:
        yield first, _joined(kept)


def _joined(lines: list[str]) -> str:
    return "".join(lines).replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
