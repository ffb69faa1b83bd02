"""How fast the home's disk reads: a small file, written and read back past the page cache, remembered per disk."""

from __future__ import annotations

import json
import mmap
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

WAIT_SECONDS = 0.15
BLOCK = 4 << 20
BLOCKS = 4
REMEMBERED = Path("cache") / "disk-speed.json"


def read_speed(home: Path, *, measure: bool = True) -> float | None:
    """Bytes per second. A slow disk that is not done in time answers None now and from its memory next time."""
    known = remembered(home)
    if known is not None or not measure or not home.is_dir():
        return known
    answer: list[float] = []
    thread = Thread(target=lambda: answer.extend(measured(home)), daemon=True)
    thread.start()
    thread.join(WAIT_SECONDS)
    return answer[0] if answer else None


def measured(home: Path) -> list[float]:
    try:
        speed = probe(home)
        remember(home, speed)
    except OSError:
        return []
    return [speed]


def probe(folder: Path) -> float:
    file, name = tempfile.mkstemp(dir=folder, prefix=".speed-")
    try:
        direct = reopen_direct(name)
    finally:
        os.unlink(name)  # at once: whatever happens now, nothing is left behind
    try:
        with mmap.mmap(-1, BLOCK) as block:
            block.write(os.urandom(BLOCK))
            for _ in range(BLOCKS):
                os.write(file, block)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.lseek(direct, 0, os.SEEK_SET)
            begun = time.perf_counter()
            total = sum(iter(lambda: os.readv(direct, [block]), 0))
            return total / (time.perf_counter() - begun)
    finally:
        os.close(file)
        os.close(direct)


def reopen_direct(name: str) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECT)
    except OSError:  # tmpfs and some network file systems cannot
        return os.open(name, os.O_RDONLY)


def remembered(home: Path) -> float | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        return float(json.loads((home / REMEMBERED).read_text(encoding="utf-8"))[device(home)])
    return None


def remember(home: Path, speed: float) -> None:
    file = home / REMEMBERED
    file.parent.mkdir(exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    partial.write_text(json.dumps({device(home): speed}), encoding="utf-8")
    partial.replace(file)


def device(home: Path) -> str:
    return str(home.stat().st_dev)
