"""The end of a Parquet file: how many rows each of its groups holds, and the same file with some groups only.

It is checked here before arro3 reads it, because that panics on a broken one; and arro3 cannot jump to a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from wizard.data.shape.fault import DataFault

MAGIC = b"PAR1"
MOST_BYTES = 256 << 20
STRUCT, LIST, BINARY, MAP = 12, 9, 8, 11
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    start: int  # in the file
    data: bytes
    rows: int
    groups: tuple[tuple[Span, int], ...]  # where in `data`, how many rows
    listed: Span  # the list of groups in `data`


def footer_of(file: BinaryIO) -> Footer:
    """Raises DataFault data-columnar-broken where it is none."""
    try:
        return _read(file)
    except (IndexError, RecursionError, ValueError, OverflowError) as error:
        raise DataFault("data-columnar-broken", kind="Parquet", why=str(error) or type(error).__name__) from None


def with_groups(file: BinaryIO, footer: Footer, chosen: Sequence[int]) -> Patched:
    body = b"".join(footer.data[slice(*footer.groups[number][0])] for number in chosen)
    begin, end = footer.listed
    data = footer.data[:begin] + _list_header(len(chosen)) + body + footer.data[end:]
    return Patched(file, footer.start, data + len(data).to_bytes(4, "little") + MAGIC)


class Patched:
    """A file whose end is another one."""

    def __init__(self, file: BinaryIO, start: int, end: bytes) -> None:
        self._file, self._start, self._end, self._at = file, start, end, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        base = {0: 0, 1: self._at, 2: self._start + len(self._end)}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        size = self._start + len(self._end) - self._at if size < 0 else size
        found = b""
        if self._at < self._start:
            self._file.seek(self._at)
            found = self._file.read(min(size, self._start - self._at))
            if not found:
                return b""
        behind = self._at + len(found) - self._start
        if behind >= 0:
            found += self._end[behind : behind + size - len(found)]
        self._at += len(found)
        return found


def _read(file: BinaryIO) -> Footer:
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if size < 12 or tail[4:] != MAGIC:
        raise ValueError("the file does not end with PAR1")
    if length > min(size - 12, MOST_BYTES):
        raise ValueError(f"a footer of {length} bytes in a file of {size}")
    file.seek(size - 8 - length)
    data = file.read(length)
    rows, listed = -1, (0, 0)
    groups: tuple[tuple[Span, int], ...] = ()
    thrift = _Thrift(data)
    for number, kind in thrift.fields():
        if number == 3:
            rows = thrift.integer()
        elif number == 4 and kind == LIST:
            begin = thrift.at
            groups = tuple(thrift.groups())
            listed = (begin, thrift.at)
        else:
            thrift.skip(kind)
    if rows < 0 or not listed[1] or sum(count for _, count in groups) != rows:
        raise ValueError("the counts of rows do not agree")
    return Footer(start=size - 8 - length, data=data, rows=rows, groups=groups, listed=listed)


def _list_header(size: int) -> bytes:
    if size < 15:
        return bytes([size << 4 | STRUCT])
    header = bytearray([0xF0 | STRUCT])
    while size > 127:
        header.append(size & 127 | 128)
        size >>= 7
    return bytes([*header, size])


class _Thrift:
    """As much of Thrift's compact protocol as it takes to walk over a structure."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while (byte := self.byte()) > 127:
            value |= (byte & 127) << shift
            shift += 7
            if shift > 70:
                raise ValueError("an endless number")
        return value | byte << shift

    def integer(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def fields(self) -> Iterator[tuple[int, int]]:
        number = 0
        while header := self.byte():
            number = number + (header >> 4) if header >> 4 else self.integer()
            yield number, header & 15

    def size(self) -> tuple[int, int]:
        header = self.byte()
        size = header >> 4
        size = self.varint() if size == 15 else size
        if size > len(self.data):
            raise ValueError("a list longer than the footer")
        return size, header & 15

    def groups(self) -> Iterator[tuple[Span, int]]:
        count, _ = self.size()
        for _ in range(count):
            begin, rows = self.at, 0
            for number, kind in self.fields():
                rows = self.integer() if number == 3 else self.skip(kind) or rows
            yield (begin, self.at), rows

    def skip(self, kind: int, inside: bool = False) -> int:
        if kind in (1, 2):
            self.at += inside
        elif kind == 3:
            self.at += 1
        elif kind in (4, 5, 6):
            self.varint()
        elif kind == 7:
            self.at += 8
        elif kind == BINARY:
            length = self.varint()
            self.at += length
        elif kind in (LIST, 10):
            size, element = self.size()
            for _ in range(size):
                self.skip(element, inside=True)
        elif kind == STRUCT:
            for _, each in self.fields():
                self.skip(each)
        else:
            raise ValueError(f"a field of the unknown kind {kind}")
        return 0
