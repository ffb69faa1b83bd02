"""Rows of files too large to read while somebody waits: heads, tails, lines at random offsets, groups of rows."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import chain, islice
from typing import Any, BinaryIO

from wizard.contract import Line, Rejected
from wizard.data.files import Source, rows_of
from wizard.data.files.columnar import rows_in
from wizard.data.files.containers import Cut, cut_of, read_up_to
from wizard.data.files.encodings import as_text
from wizard.data.files.footer import footer_of, with_groups
from wizard.data.files.parts import Part, opened, seekable
from wizard.data.files.rows import COLUMNAR, json_line, rows
from wizard.data.files.source import labelled
from wizard.data.files.tables import table
from wizard.data.readers.tally import Tally
from wizard.data.shape import DataFault

HEAD_BYTES = 8 << 20
TAIL_BYTES = 256 << 10
OFFSETS = 1000
FILES, GROUPS, GROUP_ROWS = 8, 8, 500
NEAR, FAR = 16 << 10, 1 << 20  # how far from an offset a line may reach: looked at first, and at most
SELF_MARKING = ("utf-16", "utf-32", "utf_16", "utf_32")  # encodings whose line ends cannot be found byte by byte
CUT_OFF = ("data-json-broken", "data-table-quote", "data-table-broken")  # what the head's end looks like to a reader


def sample(source: Source, told: str, tally: Tally) -> tuple[int, bool]:
    """Adds the sampled rows to `tally`; how many rows there may be in all, and whether only heads were looked at.
    `told`: the encoding that a person named."""
    parts = source.listing.parts
    some = chosen(parts)
    rows_seen, seen, headed = 0, 0, True
    for part in some:
        cut = cut_of(part, told) if part != parts[0] else source.first
        count, only_head = _sampled(part, cut, tally, len(some))
        rows_seen, seen, headed = rows_seen + count, seen + part.bytes, headed and only_head
    return max(tally.rows, rows_seen * source.listing.bytes // max(1, seen)), headed


def chosen(parts: Sequence[Part]) -> Sequence[Part]:
    """A few of many, all over them."""
    return [parts[number * len(parts) // FILES] for number in range(FILES)] if len(parts) > FILES else parts


def _sampled(part: Part, cut: Cut, tally: Tally, parts: int) -> tuple[int, bool]:
    """How many rows the part may have, and whether only its head was looked at."""
    before = tally.rows
    if cut.container == "sheet":
        tally.add(labelled(part, rows(part, cut)))
        return tally.rows - before, False
    if cut.container in COLUMNAR:
        with seekable(part) as file:
            return _columnar(file, part, cut, tally, parts)
    with opened(part) as stream:
        head = read_up_to(stream, HEAD_BYTES // parts)
        used, plain = _used(stream, len(head))
        whole = head[: head.rfind(b"\n") + 1] or head
        tally.add(labelled(part, _readable(whole, cut)))
        estimate = part.bytes * (tally.rows - before) // max(1, used * len(whole) // max(1, len(head)))
        if not plain or cut.encoding.lower().startswith(SELF_MARKING):
            return estimate, used < part.bytes
        lengths = []
        for length, line, row in _scattered(stream, part.bytes, len(head), cut, head, OFFSETS // parts):
            lengths.append(length)
            tally.add(labelled(part, [(line, row)]))
        if len(lengths) >= OFFSETS // parts // 2:
            estimate = part.bytes * len(lengths) // sum(lengths)
    return estimate, not lengths and used < part.bytes


def _used(stream: BinaryIO, given: int) -> tuple[int, bool]:
    """Bytes that were taken off the disk for what was read so far, and whether the file is read as it lies there."""
    raw: Any = getattr(stream, "raw", None)
    return (raw.taken(given), False) if hasattr(raw, "taken") else (stream.tell(), True)


def _readable(head: bytes, cut: Cut) -> Iterator[tuple[int, Any]]:
    seen = 0
    try:
        for numbered in rows_of(as_text(BytesIO(head), cut.encoding), cut.container):
            seen += 1
            yield numbered
    except DataFault as fault:
        if not seen or fault.problem.code not in CUT_OFF:
            raise


def _scattered(
    file: BinaryIO, size: int, after: int, cut: Cut, head: bytes, offsets: int
) -> Iterator[tuple[int, Line, Any]]:
    """(bytes, line, row) of the line after each random offset, then of the last lines. The same file gives the same
    ones; their numbers are not known, but where they begin is."""
    read = _line_reader(cut, head)
    if read is None or size <= after:
        return
    chance = random.Random(size)
    places = sorted(chance.randrange(after, size) for _ in range(offsets))
    for place, text in chain((found for at in places for found in _line_after(file, at)), _last_lines(file, after)):
        line = Line(0, offset=place)
        for row in read(text.decode(cut.encoding, "surrogateescape")) if text.strip() else ():
            yield len(text) + 1, line, replace(row, line=line) if isinstance(row, Rejected) else row


def _last_lines(file: BinaryIO, after: int) -> Iterator[tuple[int, bytes]]:
    place = file.seek(max(after, file.seek(0, 2) - TAIL_BYTES))
    first, *lines = file.read(TAIL_BYTES).split(b"\n")
    place += len(first) + 1
    for line in lines:
        yield place, line
        place += len(line) + 1


def _line_reader(cut: Cut, head: bytes) -> Any:
    """Reads one line alone; none where a row can be more than a line."""
    if cut.container == "jsonl":
        return lambda line: [json_line(0, line)]
    if cut.container not in ("csv", "tsv"):
        return None
    mark = "\t" if cut.container == "tsv" else ""
    lines = head.decode(cut.encoding, "surrogateescape").lstrip("\ufeff").splitlines(keepends=True)[:-1]
    if not lines or sum(1 for _ in _calm(table(lines, mark))) != sum(bool(line.strip()) for line in lines) - 1:
        return None
    return lambda line: [row for _, row in _calm(table([lines[0], line], mark))]


def _calm(numbered: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    try:
        yield from numbered
    except DataFault:
        return


def _line_after(file: BinaryIO, place: int) -> list[tuple[int, bytes]]:
    """It and where it begins; none where it is too long."""
    for reach in (NEAR, FAR):
        file.seek(place)
        pieces = file.read(reach).split(b"\n", 2)
        if len(pieces) == 3:
            return [(place + len(pieces[0]) + 1, pieces[1])]
    return []


def _columnar(file: BinaryIO, part: Part, cut: Cut, tally: Tally, parts: int) -> tuple[int, bool]:
    """Of a Parquet file the first rows of groups all over it, and its own count; of an Arrow one its head."""
    if cut.container == "parquet":
        footer = footer_of(file)
        groups = sorted({number * len(footer.groups) // GROUPS for number in range(GROUPS)})
        for group in groups[: max(1, GROUPS // parts)] if footer.groups else ():
            taken = islice(rows_in(with_groups(file, footer, [group]), "parquet", GROUP_ROWS), GROUP_ROWS)
            before = sum(count for _, count in footer.groups[:group])
            tally.add(labelled(part, ((before + number, row) for number, row in enumerate(taken, 1))))
        return footer.rows, len(footer.groups) == 1
    counted, before = Counted(file), tally.rows
    for numbered in labelled(part, enumerate(rows_in(counted, cut.container), 1)):
        tally.add([numbered])
        if counted.given > HEAD_BYTES // parts:
            break
    return part.bytes * (tally.rows - before) // max(1, counted.given), True


class Counted:
    """Knows how many bytes were read of a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.given = file, 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.given += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True
