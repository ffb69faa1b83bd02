"""A full disk is waited for: what was saved stays, and the work goes on where it is as soon as there is room."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from wizard.errors import ExitCode, WizardError

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 12 * 3600.0  # a night: after it the run fails as one that nobody can help
MORE = 1.25  # than was there when it did not suffice


def wait(going_on: Callable[[], bool], stage: str, folder: Path) -> None:
    """Returns when `going_on` says so. Raises `disk-full` where nobody made room in a night."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not going_on():
        if time.monotonic() > deadline:
            raise WizardError("disk-full", exit_code=ExitCode.FAILED, stage=stage, path=str(folder))
        time.sleep(POLL_SECONDS)
