"""Which Problem an exception of a library stands for."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from wizard.errors import ExitCode, WizardError

OUT_OF_MEMORY = 75
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_ROOM_WORDS = ("no space left on device", "os error 28", "disk quota exceeded", "file too large")
SHARED_MEMORY = "/dev/shm"
WRITER_WORDS = ("pytorchstreamwriter", "unexpected pos", "inline_container")
MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory")
NEARLY_FULL = 8 << 20


def problem_of(error: BaseException, stage: str, folder: Path) -> WizardError | None:
    for cause in chain(error):
        if isinstance(cause, WizardError):
            return cause
        if is_memory(cause):
            return WizardError("out-of-memory", exit_code=ExitCode.FAILED, stage=stage, log=str(folder / "log.txt"))
        if SHARED_MEMORY in str(cause):
            return WizardError("shared-memory-full", exit_code=ExitCode.FAILED, stage=stage, path=SHARED_MEMORY)
        if is_disk_full(cause, folder):
            return WizardError("disk-full", exit_code=ExitCode.FAILED, stage=stage, path=str(folder))
    return None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


def is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in MEMORY_WORDS)


def is_disk_full(error: BaseException, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return True
    text = str(error).lower()
    if any(words in text for words in NO_ROOM_WORDS):
        return True
    return any(words in text for words in WRITER_WORDS) and free_bytes(folder) < NEARLY_FULL


def free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
