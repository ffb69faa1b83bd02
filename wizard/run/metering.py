"""Writes the gauges of the machine and of the running stage beside the run, every two seconds."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from wizard.journal import Journal, RunFolder
from wizard.run import processes

MeterFactory = Callable[[Callable[[], Sequence[int]], Path], Callable[[], Mapping[str, float | None]]]

SECONDS = 2.0
LIMIT_BYTES = 8 << 20


class Metering:
    """A thread of its own: a driver that hangs must not hold up the supervisor."""

    def __init__(self, folder: RunFolder, factory: MeterFactory) -> None:
        self._folder = folder
        self._factory = factory
        self._over = threading.Event()
        self.pid = 0  # of the running stage
        threading.Thread(target=self._work, name="meter", daemon=True).start()

    def end(self) -> None:
        self._over.set()

    def _pids(self) -> Sequence[int]:
        return processes.tree(self.pid)

    def _work(self) -> None:
        meter = self._factory(self._pids, self._folder.path)
        journal = Journal(self._folder.meter)
        while not self._over.wait(SECONDS):
            values = meter()
            with suppress(OSError):  # a full disk costs a reading, not the run
                journal = self._bounded(journal)
                journal.append(values=dict(values))

    def _bounded(self, journal: Journal) -> Journal:
        """A service may run for months and only the newest gauges are ever read."""
        if not self._folder.meter.exists() or self._folder.meter.stat().st_size < LIMIT_BYTES:
            return journal
        journal.close()
        os.replace(self._folder.meter, self._folder.meter.with_suffix(".old"))
        return Journal(self._folder.meter)
