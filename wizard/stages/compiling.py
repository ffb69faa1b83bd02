"""What torch.compile needs of a machine: a compiler, and on a card Python's headers for what starts its kernels."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError

COMPILERS = {"cpu": ("g++", "clang++"), "cuda": ("gcc", "clang")}  # torch's own choice and Triton's


def check(knobs: Mapping[str, Any], device: str) -> None:
    """Raises the Problem `compile-without-compiler` before the model is loaded, not at its first step."""
    if knobs.get("compile") and (lacking := list(lacks(device))):
        raise WizardError("compile-without-compiler", exit_code=ExitCode.FAILED, lacking=", ".join(lacking))


def lacks(device: str) -> list[str]:
    missing = [] if any(map(shutil.which, COMPILERS[device])) else [COMPILERS[device][0]]
    if device == "cuda" and not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        missing.append("Python.h")
    return missing
