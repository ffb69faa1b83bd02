"""Rows of a file too large to read while somebody waits: its head, its tail and lines at random offsets."""

from __future__ import annotations

import random
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO

from wizard.data.files import Source, rows_of
from wizard.data.files.rows import json_line
from wizard.data.readers.tally import Tally
from wizard.data.shape import DataFault

HEAD_BYTES = 8 << 20
TAIL_BYTES = 256 << 10
OFFSETS = 1000
NEAR, FAR = 16 << 10, 1 << 20  # how far from an offset a line may reach: looked at first, and at most
SELF_MARKING = ("utf-16", "utf-32", "utf_16", "utf_32")  # encodings whose line ends cannot be found byte by byte
CUT_OFF = ("data-json-broken", "data-table-quote")  # what the end of the head looks like to a reader


def sample(path: Path, size: int, source: Source, tally: Tally) -> int:
    """Adds the sampled rows to `tally` and answers how many rows the whole file may have."""
    with path.open("rb") as file:
        head = file.read(min(HEAD_BYTES, size))
        whole_lines = head[: head.rfind(b"\n") + 1] or head
        tally.add(_readable(whole_lines, source))
        estimate = size * tally.rows // max(1, len(whole_lines))
        if source.container == "jsonl" and not source.encoding.lower().startswith(SELF_MARKING):
            lengths = []
            for length, row in _scattered(file, size, source.encoding):
                lengths.append(length)
                tally.add([(0, row)])
            if len(lengths) >= OFFSETS // 2:
                estimate = size * len(lengths) // sum(lengths)
    return max(estimate, tally.rows)


def _readable(head: bytes, source: Source) -> Iterator[tuple[int, Any]]:
    stream = TextIOWrapper(BytesIO(head), source.encoding, errors="replace", newline="")
    seen = 0
    try:
        for numbered in rows_of(stream, source.container):
            seen += 1
            yield numbered
    except DataFault as fault:
        if not seen or fault.problem.code not in CUT_OFF:
            raise


def _scattered(file: BinaryIO, size: int, encoding: str) -> Iterator[tuple[int, Any]]:
    """(bytes, row) of the line after each random offset, then of the last lines. The same file gives the same ones."""
    chance = random.Random(size)
    places = sorted(chance.randrange(HEAD_BYTES, size) for _ in range(OFFSETS)) if size > HEAD_BYTES else []
    lines = [line for place in places for line in _line_after(file, place)]
    file.seek(max(0, size - TAIL_BYTES))
    lines += file.read(TAIL_BYTES).split(b"\n")[1:]
    for line in lines:
        if line.strip():
            yield len(line) + 1, json_line(0, line.decode(encoding, "surrogateescape"))


def _line_after(file: BinaryIO, place: int) -> list[bytes]:
    for reach in (NEAR, FAR):
        file.seek(place)
        pieces = file.read(reach).split(b"\n", 2)
        if len(pieces) == 3:
            return [pieces[1]]
    return []
