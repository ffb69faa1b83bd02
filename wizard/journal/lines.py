"""Files of JSON lines: one writer appends whole lines, readers take whole lines and skip what is broken."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Event = dict[str, Any]

_CHUNK = 256 << 10  # parsed in one go, during which no other thread runs
_decoder = json.JSONDecoder(parse_constant=lambda _: None)


def finite(value: Any) -> Any:
    """The same value with every number that JSON cannot hold replaced by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value


def dumps(value: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=str, indent=indent)
    except ValueError:
        return json.dumps(finite(value), ensure_ascii=False, default=str, indent=indent)


class Journal:
    """Appends events to a file that nobody else writes. A line torn by an earlier death is closed first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._torn = False

    def write(self, kind: str, /, **params: Any) -> None:
        self.append(kind=kind, **params)

    def append(self, **fields: Any) -> None:
        """One line without a kind: a metric, a meter reading."""
        data = dumps({"at": round(time.time(), 3), **fields}).encode("utf-8", "replace") + b"\n"
        if self._fd < 0:
            self._open()
        if self._torn:
            data = b"\n" + data
        self._torn = True
        while data:
            data = data[os.write(self._fd, data) :]
        self._torn = False

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        size = os.fstat(self._fd).st_size
        self._torn = size > 0 and os.pread(self._fd, 1, size - 1) != b"\n"


class Tail:
    """Reads what was appended since the last call. Lines that are no JSON object are skipped and counted."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.position = start
        self.corrupt = 0

    def new(self) -> list[Event]:
        return [event for batch in self.batches() for event in batch]

    def batches(self) -> Iterator[list[Event]]:
        """The same in pieces, for files too large to hold in memory as objects."""
        try:
            size = os.stat(self.path).st_size
        except OSError:
            return
        if size < self.position:
            self.position = 0
        if size == self.position:
            return
        with self.path.open("rb", buffering=0) as file:
            limit = _CHUNK
            file.seek(self.position)
            while chunk := file.read(limit):
                end = chunk.rfind(b"\n") + 1
                if not end and len(chunk) < limit:
                    return
                if not end:
                    limit *= 2
                else:
                    self.position += end
                    yield self._parse(chunk[:end])
                file.seek(self.position)

    def _parse(self, chunk: bytes) -> list[Event]:
        events, corrupt = parse_lines(chunk)
        self.corrupt += corrupt
        return events


def parse_lines(chunk: bytes) -> tuple[list[Event], int]:
    """The objects of whole lines, and how many lines were none."""
    lines = [line for line in chunk.split(b"\n") if line.strip()]
    try:
        together = _decoder.decode(f"[{b','.join(lines).decode()}]")
        if len(together) == len(lines) and all(type(event) is dict for event in together):
            return together, 0
    except (ValueError, RecursionError):
        pass
    events = [event for line in lines if (event := parse_line(line)) is not None]
    return events, len(lines) - len(events)


def parse_line(line: bytes) -> Event | None:
    try:
        event = _decoder.decode(line.decode())
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
