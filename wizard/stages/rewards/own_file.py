"""The user's reward file as this run keeps it: copied once into the stage's folder, so that it goes on as it began."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench

NAME = "reward.py"


def kept(bench: Bench, named: str) -> Path:
    """The copy, made now if there is none; the note tells its sha256, and whether the original is another by now."""
    original, copy = Path(named).expanduser(), bench.folder / NAME
    if not original.is_absolute() and not copy.is_file():
        raise WizardError("reward-file-relative", exit_code=ExitCode.FAILED, path=named)
    if not copy.is_file():
        try:
            content = original.read_bytes()
        except OSError as error:
            raise WizardError("reward-file-gone", exit_code=ExitCode.FAILED, path=named) from error
        part = copy.with_name(f"{NAME}.{os.getpid()}")
        part.write_bytes(content)
        part.replace(copy)
    digest = sha256(copy)
    bench.note("reward-file", path=str(copy), sha256=digest)
    if original.is_file() and sha256(original) != digest:
        bench.note("reward-file-other", "warning", path=str(original), copy=str(copy))
    return copy


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
