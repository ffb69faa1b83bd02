"""What torch.compile needs of a machine: a compiler, and on a card Python's headers for what starts its kernels."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError

COMPILERS = {"cpu": ("CXX", "g++"), "cuda": ("CC", "gcc", "clang")}  # as torch and Triton look: by name, then these


def check(knobs: Mapping[str, Any], device: str) -> None:
    """Raises the Problem `compile-without-compiler` before the model is loaded, not at its first step."""
    if knobs.get("compile") and (lacking := list(lacks(device))):
        raise WizardError("compile-without-compiler", exit_code=ExitCode.FAILED, lacking=", ".join(lacking))


def lacks(device: str) -> list[str]:
    variable, *usual = COMPILERS[device]
    wanted = [os.environ[variable]] if os.environ.get(variable) else usual
    missing = [] if any(map(shutil.which, wanted)) else wanted[:1]
    if device == "cuda" and not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        missing.append("Python.h")
    return missing
