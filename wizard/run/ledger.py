"""The supervisor's own journal, which must still be written when the disk is full."""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from wizard.contract import Problem
from wizard.journal import Journal, RunFolder, freeze

RESERVE_BYTES = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """A file that only takes up space, to be given back when there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self) -> None:
        with suppress(OSError), self._path.open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def free(self) -> None:
        with suppress(OSError):
            self._path.unlink()


class Ledger:
    """Threads may share it. What cannot be written even without the reserve waits for the next line."""

    def __init__(self, folder: RunFolder) -> None:
        self._journal = Journal(folder.supervisor)
        self._reserve = Reserve(folder.reserve)
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=1000)
        self._lock = threading.Lock()
        self._reserve.keep()

    def write(self, kind: str, /, *, problem: Problem | None = None, **params: Any) -> None:
        if problem is not None:
            params["problem"] = freeze(problem)
        with self._lock:
            self._waiting.append((kind, params))
            while self._waiting and self._wrote(*self._waiting[0]):
                self._waiting.popleft()

    def note(self, code: str, stage: str = "", level: str = "info", **params: Any) -> None:
        self.write("note", stage=stage, code=code, params=params, level=level)

    def _wrote(self, kind: str, params: dict[str, Any]) -> bool:
        for _ in range(2):
            try:
                self._journal.write(kind, **params)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                self._reserve.free()
            else:
                return True
        return False


def full_disk(path: Path) -> Problem:
    return Problem(code="run-disk-full", params={"path": str(path), "free_bytes": free_bytes(path)})


def free_bytes(path: Path) -> int:
    try:
        system = os.statvfs(path)
    except OSError:
        return 0
    return system.f_bavail * system.f_frsize
