"""A stage's process, our own or one that an earlier supervisor left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress

from wizard.journal import StageFolder, read_json
from wizard.run import processes

GRACE_SECONDS = 90.0  # a large checkpoint on a slow disk is written within this


class Child:
    """Its end is noticed at once through a pidfd where the kernel has them, else by looking often."""

    def __init__(self, pid: int, started: int, offset: int, process: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self.offset = offset  # where this attempt's events begin
        self.asked_to_end = False
        self._started = started
        self._process = process
        self._deadline = float("inf")
        self._pidfd = _pidfd(pid)

    @classmethod
    def left_in(cls, folder: StageFolder) -> Child | None:
        """The process that pid.json names, while it lives."""
        facts = read_json(folder.pid)
        pid, started = int(facts.get("pid", 0)), int(facts.get("started", 0))
        return cls(pid, started, int(facts.get("events", 0))) if pid and processes.alive(pid, started) else None

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None for a process that was not our child."""
        return self._process.returncode if self._process else None

    def ended(self) -> bool:
        over = self._process.poll() is not None if self._process else not processes.alive(self.pid, self._started)
        if over and self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        return over

    def wait(self, seconds: float) -> None:
        """Until it ends, or for so long."""
        if self._pidfd < 0:
            time.sleep(min(seconds, 0.05))
            return
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        poll.poll(seconds * 1000)

    def ask_to_end(self, grace: float = GRACE_SECONDS) -> None:
        """SIGTERM to the stage alone, which ends its own workers; `insist` follows when that took too long."""
        if not self.asked_to_end:
            self.asked_to_end = True
            self._deadline = time.monotonic() + grace
            processes.send(self.pid, signal.SIGTERM)

    def insist(self) -> None:
        if time.monotonic() > self._deadline:
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return -1
