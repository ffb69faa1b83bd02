"""Where a path lies (this machine's disk, a network, memory), and how fast a file there is read."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

from wizard.detect.disks import MOUNTS, Mount, mount_of, read_mounts

PATIENCE = 0.6  # seconds
BLOCK = 4 << 20
AT_LEAST = 1 << 20  # bytes: less says nothing


def place_of(path: Path, mounts: Path = MOUNTS) -> Mount:
    """The mount that holds it, or will hold it. A file of a folder that does not answer is not looked at."""
    return mount_of(path, tuple(read_mounts(mounts)))


def reading_speed(file: Path, patience: float = PATIENCE) -> float | None:
    """Bytes per second, without what the page cache holds of it; None where too little comes in time."""
    read: list[tuple[int, float]] = []
    thread = Thread(target=_read, args=(file, patience, read), daemon=True)  # a server that is gone never answers
    thread.start()
    thread.join(patience * 1.5)
    size, seconds = read[-1] if read else (0, 0.0)
    return size / seconds if size >= AT_LEAST and seconds else None


def _read(file: Path, patience: float, read: list[tuple[int, float]]) -> None:
    with suppress(OSError):
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        try:
            with suppress(OSError):
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            begun, total = time.perf_counter(), 0
            while block := os.read(handle, BLOCK):
                total += len(block)
                read.append((total, time.perf_counter() - begun))
                if read[-1][1] >= patience:
                    return
        finally:
            os.close(handle)
