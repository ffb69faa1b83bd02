"""A serving engine as a tree of processes: started, asked whether it is well, ended with all its children."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

import psutil

from wizard.errors import ExitCode, WizardError

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_SECONDS = 3.0
LOOK_SECONDS = 0.2
START_SECONDS = 1800


class Stop(BaseException):
    """SIGTERM came."""


def stop(number: int, frame: FrameType | None) -> None:
    """As a handler of signals."""
    raise Stop


def adopt_orphans() -> None:
    """vLLM's workers outlive their API process; as their new parent we still see them."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(command: Sequence[str], environment: Mapping[str, str], log: Path | None = None) -> subprocess.Popen[bytes]:
    """`log`: where it writes, if not where we do."""
    if log is None:
        return subprocess.Popen(list(command), env=dict(environment), stdin=subprocess.DEVNULL)
    with log.open("ab") as out:
        return subprocess.Popen(
            list(command), env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )


def wait_until_healthy(served: subprocess.Popen[bytes], healthy: Callable[[], bool], name: str, log: str) -> None:
    """Raises the Problem of one that dies before, or is silent for too long."""
    deadline = time.monotonic() + START_SECONDS
    while not healthy():
        if served.poll() is not None:
            raise died(served, name, log)
        if time.monotonic() > deadline:
            raise WizardError("engine-silent", exit_code=ExitCode.FAILED, engine=name, log=log)
        time.sleep(LOOK_SECONDS)


def died(served: subprocess.Popen[bytes], name: str, log: str) -> WizardError:
    return WizardError("engine-died", exit_code=ExitCode.FAILED, engine=name, exit=served.wait(), log=log)


def end(engine: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL: with a stream open vLLM's API process neither ends nor closes it by itself."""
    tree = psutil.Process().children(recursive=True)
    with contextlib.suppress(ProcessLookupError):
        engine.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(tree, timeout=PATIENCE_SECONDS)
    for process in {*alive, *psutil.Process().children(recursive=True)}:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    engine.wait()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while psutil.Process().children() and time.monotonic() < deadline:
        psutil.wait_procs(psutil.Process().children(), timeout=0.1)
