"""How fast disks read: a small file on each, written and read back past the page cache, remembered per disk."""

from __future__ import annotations

import json
import mmap
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

PATIENCE = 0.15  # seconds, for all disks together
MOST = 8  # disks measured at a time
BLOCK = 4 << 20
BLOCKS = 4
REMEMBERED = Path("cache") / "disk-speed.json"
WRITING = Lock()


def read_speeds(
    home: Path, folders: Sequence[Path], *, measure: bool = True, patience: float = PATIENCE
) -> Mapping[Path, float]:
    """Bytes per second of each folder's disk. One that is not done in time is left out now and remembered later."""
    found: dict[Path, float] = {}
    known = remembered(home)
    threads: list[Thread] = []
    for folder in folders:
        with suppress(OSError):
            if speed := known.get(device(folder)):
                found[folder] = speed
            elif measure and home.is_dir() and len(threads) < MOST:
                threads.append(Thread(target=measured, args=(home, folder, found), daemon=True))
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(found)


def measured(home: Path, folder: Path, found: dict[Path, float]) -> None:
    with suppress(OSError):
        found[folder] = probe(folder)
        remember(home, device(folder), found[folder])


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


def remembered(home: Path) -> dict[str, float]:
    with suppress(OSError, ValueError, TypeError, AttributeError):
        known = json.loads((home / REMEMBERED).read_text(encoding="utf-8"))
        return {str(disk): float(speed) for disk, speed in known.items()}
    return {}


def remember(home: Path, disk: str, speed: float) -> None:
    file = home / REMEMBERED
    with WRITING:
        file.parent.mkdir(exist_ok=True)
        partial = file.with_name(f"{file.name}.{os.getpid()}")
        partial.write_text(json.dumps(remembered(home) | {disk: speed}), encoding="utf-8")
        partial.replace(file)


def device(folder: Path) -> str:
    return str(folder.stat().st_dev)
