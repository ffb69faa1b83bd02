"""Locks that end with their holder: flock on files that are never deleted."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from wizard.errors import WizardError


class Lock:
    """Held until `release`, or until every process that was given `fd` is gone."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def take(path: Path, patience: float = 0.0) -> Lock | None:
    """The lock; None when somebody else holds it for longer than `patience` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + patience
    while not _flock(fd, path):
        if time.monotonic() >= deadline:
            os.close(fd)
            return None
        time.sleep(0.02)
    return Lock(fd)


def _flock(fd: int, path: Path) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        os.close(fd)
        raise WizardError("lock-unsupported", path=str(path.parent), local=local_place()) from error
    return True


def local_place(candidates: Iterable[Path] | None = None) -> str:
    """A folder on a file system that can lock, to be named to a person whose own cannot."""
    for folder in candidates or (Path.home() / ".local" / "share", Path("/var/tmp"), Path(tempfile.gettempdir())):
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        return str(folder / "yichuidingyin")
    return "/tmp/yichuidingyin"
