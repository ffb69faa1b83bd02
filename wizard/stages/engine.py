"""A serving engine as a tree of processes: started, asked whether it is well, ended with all its children."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

import psutil

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_SECONDS = 3.0


def adopt_orphans() -> None:
    """vLLM's workers outlive their API process; as their new parent we still see them."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(list(command), env=dict(environment), stdin=subprocess.DEVNULL)


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
