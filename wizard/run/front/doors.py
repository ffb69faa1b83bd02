"""Opening and closing a run's front, and how it stands: what the session calls."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from wizard.contract import Exposure, Front, FrontState
from wizard.errors import ExitCode, WizardError
from wizard.journal import RunFolder, last_lines
from wizard.run.control import run_marker
from wizard.run.front import certificates, wishes
from wizard.run.front.folder import FrontFolder, problem_of
from wizard.run.supervised import detached, inherited

START_SECONDS, END_SECONDS = 30.0, 15.0
STANDING = ("open", "waiting", "failed")


def open_front(
    run: RunFolder, exposure: Exposure, command: Sequence[str], environment: Mapping[str, str] = os.environ
) -> Front:
    """Opens it, or changes one that is open. Raises WizardError with what stands in its way."""
    folder = FrontFolder.of(run)
    before = folder.asked() if folder.kept else None
    if not before or before[0].port != exposure.port:
        wishes.refuse_taken(exposure)
    folder.path.mkdir(parents=True, exist_ok=True)
    mark = secrets.token_hex(8)
    folder.ask(exposure, mark)
    _until_taken_up(folder, run, command, environment, mark)
    front = standing(run)
    if front.problem:
        if before:
            folder.ask(*before)
        else:
            close_front(run)
        raise WizardError.of(front.problem, ExitCode.FAILED)
    return front


def _until_taken_up(
    folder: FrontFolder, run: RunFolder, command: Sequence[str], environment: Mapping[str, str], mark: str
) -> None:
    variables = {**inherited(environment), **run_marker(run)}
    deadline = time.monotonic() + START_SECONDS
    process: subprocess.Popen[bytes] | None = None
    while time.monotonic() < deadline:
        told = folder.told()
        if told.get("asked") == mark and told.get("status") in STANDING:
            return
        if not folder.kept and (process is None or process.poll() is not None):
            if process is not None and process.returncode:
                break
            process = detached(folder.path, folder.log, command, variables)
        time.sleep(0.05)
    last = "\n".join(last_lines(folder.log, 5))
    raise WizardError("front-failed", exit_code=ExitCode.FAILED, log=str(folder.log), last=last)


def close_front(run: RunFolder) -> bool:
    """False where nothing was open."""
    folder = FrontFolder.of(run)
    folder.wanted.unlink(missing_ok=True)
    was_kept, deadline = folder.kept, time.monotonic() + END_SECONDS
    while folder.kept:
        if time.monotonic() > deadline:
            raise WizardError("front-stays", exit_code=ExitCode.FAILED, run=run.name, log=str(folder.log))
        time.sleep(0.05)
    return was_kept


def standing(run: RunFolder) -> Front:
    folder = FrontFolder.of(run)
    wanted, told = folder.asked(), folder.told()
    if not folder.kept or not wanted:
        return Front(run=run.name, status="off")
    exposure, status = wanted[0], told.get("status")
    known: FrontState = status if status in STANDING else "starting"
    expires, fingerprint = 0.0, ""
    if exposure.certificate:
        with suppress(WizardError):
            certificate = Path(exposure.certificate)
            expires, fingerprint = certificates.expires(certificate), certificates.fingerprint(certificate)
    return Front(
        run=run.name,
        status=known,
        exposure=exposure,
        url=_url(exposure),
        expires=expires,
        fingerprint=fingerprint,
        restarts=int(told.get("restarts", 0)),
        problem=problem_of(told),
        warnings=tuple(wishes.warnings(exposure)),
    )


def _url(exposure: Exposure) -> str:
    """As others reach it."""
    there = certificates.outward() if exposure.host == "0.0.0.0" else []
    return replace(exposure, host=there[0]).url if there else exposure.url
