"""Looking into a file that is too large to read before the first paint."""

from __future__ import annotations

import os
import re
from pathlib import Path

from wizard.journal.lines import Event, parse_line, parse_lines

WHOLE = 1 << 20  # below this a file is simply read
TAIL = 64 << 10
POINTS = 400
_LINE = 4096
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")


def glimpse(path: Path) -> tuple[list[Event], int] | None:
    """A strided sample and all of the end, in file order, and the position after it; None for a small file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        if size < WHOLE:
            return None
        start = size - TAIL
        sampled = [event for i in range(POINTS) if (event := _line_after(fd, i * start // POINTS)) is not None]
        tail = os.pread(fd, TAIL, start)
        first, last = tail.find(b"\n") + 1, tail.rfind(b"\n") + 1
        return sampled + parse_lines(tail[first:last])[0], start + last
    finally:
        os.close(fd)


def _line_after(fd: int, position: int) -> Event | None:
    pieces = os.pread(fd, _LINE, position).split(b"\n", 2)
    return parse_line(pieces[1]) if len(pieces) == 3 else None


def last_lines(path: Path, lines: int) -> list[str]:
    """The end of a log as a terminal would show it: a progress bar's last state, no escape codes."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - max(TAIL, lines * 200))
            file.seek(start)
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    rows = text.split("\n")[1 if start else 0 :]
    shown = [_ESCAPES.sub("", row.rstrip("\r").rsplit("\r", 1)[-1]).rstrip() for row in rows]
    if shown and not shown[-1]:
        shown.pop()
    return shown[-lines:]
