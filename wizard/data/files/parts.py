"""One file that holds rows, on the disk or in a zip, opened as the bytes it was before it was packed."""

from __future__ import annotations

import errno
import gzip
import io
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

from wizard.data.shape.fault import DataFault, in_file

COATS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
COAT_SUFFIXES = (".gz", ".gzip", ".zst", ".zstd")
FREE_BYTES = 1 << 30  # may come out of any archive
MOST_TIMES = 500  # beyond that, so many times its own size; data of real rows is packed to a fifth or a twentieth
SPOOLED_BYTES = 8 << 30  # of a packed file that can only be read unpacked


reading: ContextVar[Callable[[Any], object]] = ContextVar("reading", default=lambda part: None)
"""Told of each binary file (a Part) before its reader gets it, which may end the process."""


BROKEN = (
    EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, gzip.BadGzipFile, NotImplementedError,
    ValueError, KeyError, OverflowError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    path: Path
    member: str = ""  # of the zip at `path`
    label: str = ""  # how it is called in a report; empty where the source is this one file
    sheet: str = ""  # of a workbook; empty = the first with rows

    @property
    def place(self) -> Path:
        """Its name in what is told of it."""
        return self.path / self.label if self.member else self.path

    @property
    def name(self) -> str:
        """Without the suffix of what it is packed in."""
        name = PurePosixPath(self.member or self.path.name).name
        return name[: -len(PurePosixPath(name).suffix)] if name.lower().endswith(COAT_SUFFIXES) else name

    @property
    def bytes(self) -> int:
        """As it lies on the disk."""
        if self.member:
            return _member(self)[1].compress_size
        return self.path.stat().st_size


class Packed(NamedTuple):
    """`size`: bytes on the disk; `whole`: those that `raw` gives."""

    raw: Any
    size: int
    whole: int


@contextmanager
def opened(part: Part) -> Iterator[BinaryIO]:
    """Its bytes, unpacked as they are read; then the stream's `raw` is an Unpacked."""
    with _packed(part) as packed:
        raw = packed.raw
        with broken_told():
            start = raw.peek(4)[:4] if part.member else raw.read(4)
        if not part.member:
            raw.seek(0)
        coat = next((name for magic, name in COATS.items() if start.startswith(magic)), "")
        if not coat and not part.member:
            yield raw
            return
        inner: Any = gzip.GzipFile(fileobj=raw) if coat == "gzip" else _zstd(raw) if coat else raw
        with io.BufferedReader(Unpacked(inner, raw, packed), 1 << 18) as stream:
            yield stream


@contextmanager
def seekable(part: Part) -> Iterator[BinaryIO]:
    """For readers that jump about: what is packed is unpacked into a file without a name."""
    reading.get()(part)
    with opened(part) as stream:
        if not isinstance(getattr(stream, "raw", None), Unpacked):
            yield stream
            return
        with tempfile.TemporaryFile() as file:
            while block := stream.read(1 << 20):
                if file.tell() > SPOOLED_BYTES:
                    raise DataFault("data-archive-large", gigabytes=SPOOLED_BYTES >> 30)
                file.write(block)
            file.seek(0)
            yield file


class Unpacked(io.RawIOBase):
    """Counts what comes out of an archive, and stops where no honest file would still go on."""

    def __init__(self, inner: Any, raw: BinaryIO, packed: Packed) -> None:
        self._inner, self._raw, self._packed, self._given = inner, raw, packed, 0

    def taken(self, given: int) -> int:
        """Bytes on the disk that the first `given` ones came of, about."""
        packed = self._raw.tell() * self._packed.size // max(1, self._packed.whole)
        return packed * given // max(1, self._given)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with broken_told():
            data = self._inner.read(len(buffer))
        self._given += len(data)
        if self._given > FREE_BYTES and self._given > self._packed.size * MOST_TIMES:
            raise DataFault("data-bomb", packed=self._packed.size, times=MOST_TIMES)
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def broken_told() -> Iterator[None]:
    """Every way in which an archive can be broken is one fault."""
    try:
        yield
    except BROKEN as error:
        raise DataFault("data-archive-broken", why=str(error)[:200] or type(error).__name__) from None
    except RuntimeError as error:
        raise DataFault("data-archive-locked", why=str(error)[:200]) from None
    except Exception as error:
        jumped = isinstance(error, OSError) and error.errno == errno.EINVAL  # to a place before the file
        if not jumped and type(error).__name__ != "ZstdError":
            raise
        raise DataFault("data-archive-broken", why=str(error)[:200]) from None


@contextmanager
def _packed(part: Part) -> Iterator[Packed]:
    with in_file(part.path):
        if not part.member:
            facts = part.path.stat()
            if not stat.S_ISREG(facts.st_mode):
                raise DataFault("data-not-a-file")
            with part.path.open("rb") as file:
                yield Packed(file, facts.st_size, facts.st_size)
            return
        archive, info = _member(part)
        with broken_told():
            member = archive.open(info)
        with member:
            yield Packed(io.BufferedReader(member), info.compress_size, info.file_size)


def _member(part: Part) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
    facts = part.path.stat()
    with broken_told():
        archive = _opened(part.path, facts.st_mtime_ns, facts.st_size)
        return archive, archive.getinfo(part.member)


@lru_cache(maxsize=1)
def _opened(path: Path, changed: int, size: int) -> zipfile.ZipFile:
    """Kept, since its list of names is read anew at each opening: a zip of many files would take for ever."""
    return zipfile.ZipFile(path)


def _zstd(raw: BinaryIO) -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from backports import zstd
    return zstd.ZstdFile(raw)
