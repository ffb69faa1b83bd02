"""Processes as /proc shows them: who carries a marker, who descends from whom, and how they are ended."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    pid: int
    state: str
    parent: int
    session: int
    started: int  # clock ticks since boot: tells a pid from a later process with the same number


def look(pid: int) -> Process | None:
    try:
        rest = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(rest) < 20:
        return None
    return Process(pid=pid, state=rest[0].decode(), parent=int(rest[1]), session=int(rest[3]), started=int(rest[19]))


def alive(pid: int, started: int) -> bool:
    process = look(pid)
    return process is not None and process.started == started and process.state not in "ZX"


def everyone() -> Iterator[Process]:
    for name in os.listdir(PROC):
        if name.isdigit() and (process := look(int(name))) is not None:
            yield process


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for process in everyone():
        children.setdefault(process.parent, []).append(process.pid)
    found, waiting = [], [root] if root else []
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def marked(marker: Mapping[str, str]) -> list[int]:
    """Every process but this one that was started with these environment variables."""
    wanted = {f"{name}={value}".encode() for name, value in marker.items()}
    found = []
    for name in os.listdir(PROC):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        with suppress(OSError):
            if wanted <= set((PROC / name / "environ").read_bytes().split(b"\0")):
                found.append(int(name))
    return found


def end(find: Callable[[], list[int]], grace: float = 5.0) -> int:
    """Asks those found to end, then makes them; returns how many there were at first."""
    first = find()
    if not first:
        return 0
    deadline = time.monotonic() + grace
    asked: set[int] = set()
    while pids := find():
        late = time.monotonic() > deadline
        for pid in pids:
            if late or pid not in asked:
                send(pid, signal.SIGKILL if late else signal.SIGTERM)
                asked.add(pid)
        time.sleep(0.02)
        if late and time.monotonic() > deadline + 10:
            break
    return len(first)


def send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def reap() -> None:
    """Collects dead orphans that became our children; to be called when no stage of our own is running.

    What runs in our own session (uv) was started by another thread, which waits for it itself.
    """
    mine, session = os.getpid(), os.getsid(0)
    for process in list(everyone()):
        if process.parent == mine and process.state == "Z" and process.session != session:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)


def become_subreaper() -> None:
    """Orphans of a stage become our children and can be reaped; without prctl the marker still finds them."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
