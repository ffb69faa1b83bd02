"""What a foreign model's folder may not do: bring code, or a chat template that eats the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.contract.native import needs_code
from wizard.errors import ExitCode, WizardError

PATIENCE_SECONDS = 60


def check(folder: Path) -> None:
    """Raise the Problem of a model that must not be worked with. Its template is tried once, in a bounded process."""
    refuse_code(folder)
    try_template(folder)


def refuse_code(folder: Path, name: str = "") -> None:
    """`name`: what it is told as, if not by its folder."""
    if needs_code(read(folder / "config.json")):
        raise WizardError("model-needs-code", exit_code=ExitCode.FAILED, path=name or str(folder))


def read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def try_template(folder: Path) -> None:
    command = [sys.executable, "-m", "wizard.stages.trial", str(folder)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        raise WizardError("model-template-too-heavy", exit_code=ExitCode.FAILED, path=str(folder)) from None
    told = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode < 0 or told == "too-heavy":
        raise WizardError("model-template-too-heavy", exit_code=ExitCode.FAILED, path=str(folder))
    if told:
        raise WizardError("model-template-broken", exit_code=ExitCode.FAILED, path=str(folder), error=told[:300])
