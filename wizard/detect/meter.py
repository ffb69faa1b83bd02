"""Gauges of a running stage: its process tree, the host, the disk and the cards. A reading never fails."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from wizard.detect import driver, host

if TYPE_CHECKING:
    from wizard.detect.nvml import Gauges


class Meter:
    """Called every few seconds; what cannot be read is left out. 100 cpu_percent means all cores allowed to us."""

    def __init__(self, pids: Callable[[], Iterable[int]], path: Path) -> None:
        self._pids = pids
        self._path = path
        self._cores = host.cores()
        self._spent: dict[tuple[int, float], float] = {}
        self._at = 0.0
        self._gauges = open_gauges()

    def __call__(self) -> dict[str, float]:
        readings: dict[str, float] = {}
        with suppress(Exception):  # psutil and foreign drivers raise what they please; a gauge stops no run
            readings |= self._tree()
        with suppress(Exception):
            readings["ram_free_bytes"] = host.ram()[1]
        with suppress(OSError):
            readings["disk_free_bytes"] = shutil.disk_usage(self._path).free
        if self._gauges:
            with suppress(Exception):
                readings |= self._gauges.read()
        return readings

    def _tree(self) -> dict[str, float]:
        spent: dict[tuple[int, float], float] = {}
        memory = 0
        for process in tree(self._pids()):
            with suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                spent[process.pid, process.create_time()] = times.user + times.system
                memory += process.memory_info().rss
        before, begun = self._spent, self._at
        self._spent, self._at = spent, time.monotonic()
        readings: dict[str, float] = {"rss_bytes": memory}
        if begun:
            worked = sum(seconds - before.get(process, 0.0) for process, seconds in spent.items())
            readings["cpu_percent"] = round(100 * worked / max(0.001, self._at - begun) / self._cores, 1)
        return readings


def tree(pids: Iterable[int]) -> Iterator[psutil.Process]:
    """The processes and all that descends from them, each once."""
    seen: set[int] = set()
    for pid in pids:
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                if process.pid not in seen:
                    seen.add(process.pid)
                    yield process


def open_gauges() -> Gauges | None:
    if not driver.has_library():
        return None
    try:
        from wizard.detect.nvml import Gauges

        return Gauges()
    except Exception:  # no card, no permission, no driver: then there are no such gauges
        return None
