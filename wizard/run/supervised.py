"""Whether somebody looks after a run, and the start of somebody who does."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from wizard.errors import ExitCode, WizardError
from wizard.journal import RunFolder, Tail, last_lines, locked
from wizard.run.locks import take

START_SECONDS = 60.0
_launched: list[subprocess.Popen[bytes]] = []  # kept so that they can be reaped


def supervised(folder: RunFolder) -> bool:
    return locked(folder.lock)


def launch(folder: RunFolder, command: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Starts a supervisor that outlives us and returns its pid; where one is at work already, that one's."""
    lock = take(folder.launching, patience=START_SECONDS)
    try:
        while supervised(folder):
            if not _ending(folder):
                return _pid(folder)
            time.sleep(0.02)
        folder.stop.unlink(missing_ok=True)
        return _started(folder, detached(folder.path, folder.log, command, inherited(environment)))
    finally:
        if lock is not None:
            lock.release()


def _started(folder: RunFolder, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        if _pid(folder) == process.pid or (ended and supervised(folder)):
            return _pid(folder)
        if ended:
            break
        time.sleep(0.02)
    last = "\n".join(last_lines(folder.log, 5))
    raise WizardError("supervisor-failed", exit_code=ExitCode.FAILED, log=str(folder.log), last=last)


def _pid(folder: RunFolder) -> int:
    """Of the newest supervisor, by its own word."""
    started = [event for event in Tail(folder.supervisor).new() if event.get("kind") == "run-started"]
    return int(started[-1].get("pid", 0)) if started else 0


def _ending(folder: RunFolder) -> bool:
    """Whether the supervisor has said its last word and is about to let go."""
    events = Tail(folder.supervisor).new()
    return bool(events) and events[-1].get("kind") == "run-ended"


def detached(
    folder: Path, log: Path, command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """In a session of its own and with no file of the terminal: neither SIGHUP nor EIO can reach it."""
    _launched[:] = [process for process in _launched if process.poll() is None]
    with log.open("ab") as told:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    _launched.append(process)
    return process


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The supervisor works in the run's folder: what was said relative to ours is made absolute."""
    variables = {key: value for key, value in environment.items() if key not in ("YCDY_STAGE", "YCDY_RUN_DIR")}
    for name in ("YCDY_HOME", "YCDY_STORE"):
        if variables.get(name):
            variables[name] = os.path.abspath(os.path.expanduser(variables[name]))
    places = [os.path.abspath(place) for place in variables.get("PYTHONPATH", "").split(os.pathsep) if place]
    package = Path(__file__).resolve().parents[2]
    if package.name != "site-packages" and str(package) not in places:
        places.append(str(package))
    return {**variables, "PYTHONPATH": os.pathsep.join(places)}
