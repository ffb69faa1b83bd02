"""A model's files, several at once, with one progress for all of them; each is checked against what its hub lists."""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.caches import Cache, link
from wizard.stages.desk import Bench
from wizard.stages.faults import free_bytes
from wizard.stages.hubs import failure
from wizard.stages.listing import Entry, Listing, place, whose
from wizard.stages.record import git_oid_of
from wizard.stages.safety import refuse_code
from wizard.stages.transfer import Differs, Ears, GivenUp, Refused, Stopped, session, transfer

CONFIG = "config.json"
THREADS = 4
LOOK_SECONDS = 1.0
RATE_LOOKS = 10  # seconds that the speed is taken over
PARTS = ".part"  # in the model's folder: what a hub was still sending when it, or we, stopped
TRIES = 2  # of a file whose bytes came whole and wrong


class Gauge:
    """One progress for all files: what lies here already counts as done, not as speed."""

    def __init__(self, bench: Bench, total: int) -> None:
        self._bench, self._total = bench, total
        self._lock = threading.Lock()
        self._done = self._came = 0
        self._seen: deque[tuple[float, int]] = deque(maxlen=RATE_LOOKS)

    def here(self, amount: int) -> None:
        with self._lock:
            self._done += amount

    def came(self, amount: int) -> None:
        with self._lock:
            self._done, self._came = self._done + amount, self._came + max(0, amount)

    def tell(self) -> None:
        with self._lock:
            self._seen.append((time.monotonic(), self._came))
            done = min(self._done, self._total) if self._total else self._done
        (then, before), (now, came) = self._seen[0], self._seen[-1]
        rate = round((came - before) / (now - then)) if now > then else 0
        self._bench.event("progress", done=done, total=self._total, unit="bytes", rate=rate)


def download(
    bench: Bench, listing: Listing, entries: Sequence[Entry], folder: Path, token: str, cache: Cache
) -> dict[str, str]:
    """The sha256 of each file, all of which then lie in `folder`: there already, linked from a cache, or fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    gauge = Gauge(bench, sum(max(0, entry.bytes) for entry in entries))
    sums: dict[str, str] = {}
    for entry in entries:
        if sha256 := entry.sha256_in(folder / entry.name) or link(bench, entry, folder / entry.name, cache):
            sums[entry.name] = sha256
            gauge.here(max(0, entry.bytes))
            gauge.tell()
    missing = [entry for entry in entries if entry.name not in sums]
    if any(not entry.url for entry in missing):  # the hub was silent, and its cache has not all of it
        raise failure(listing.kind, listing.ref, 0)
    check_room(listing, missing, folder)
    crew = Crew(bench, listing, folder, token, gauge)
    crew.fetch([entry for entry in missing if entry.name == CONFIG])
    refuse_code(folder, place(listing))  # before the first byte of its weights
    sums |= crew.fetch([entry for entry in missing if entry.name != CONFIG])
    shutil.rmtree(folder / PARTS, ignore_errors=True)
    return sums


def check_room(listing: Listing, missing: Iterable[Entry], folder: Path) -> None:
    needed = 0
    for entry in missing:
        part = part_of(listing, entry, folder)
        needed += max(0, entry.bytes - (part.stat().st_size if part.is_file() else 0))
    if needed > (free := free_bytes(folder)):
        params = {"needed_bytes": needed, "free_bytes": free, "path": str(folder), "model": listing.ref}
        raise WizardError("model-needs-disk", exit_code=ExitCode.FAILED, **params)


def part_of(listing: Listing, entry: Entry, folder: Path) -> Path:
    """Named by the contents where they are known: another revision, or the other hub, goes on only with equal bytes."""
    mark = hashlib.sha256(f"{entry.name} {entry.hash or listing.revision}".encode()).hexdigest()
    return folder / PARTS / mark[:32]


class Crew:
    """The threads: they end with the process, however it ends, and leave their parts behind."""

    def __init__(self, bench: Bench, listing: Listing, folder: Path, token: str, gauge: Gauge) -> None:
        self._bench, self._listing, self._folder, self._token, self._gauge = bench, listing, folder, token, gauge
        self._todo: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        self._sums: dict[str, str] = {}
        self._failed: list[BaseException] = []
        self._over = threading.Event()
        self._waiting: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()

    def fetch(self, missing: Sequence[Entry]) -> Mapping[str, str]:
        for entry in sorted(missing, key=lambda entry: -entry.bytes):  # the longest first: less waiting at the end
            self._todo.put(entry)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in missing[:THREADS]]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(LOOK_SECONDS)
                self._gauge.tell()
                self._tell_waiting()
        if self._failed:
            raise self._failed[0]
        return self._sums

    def _tell_waiting(self) -> None:
        while not self._waiting.empty():
            file, seconds = self._waiting.get()
            self._bench.note("hub-waits", hub=self._listing.kind, file=file, seconds=round(seconds))

    def _work(self) -> None:
        web = session(self._listing.kind, self._token)
        while not self._over.is_set():
            try:
                entry = self._todo.get_nowait()
            except queue.Empty:
                return
            try:
                self._sums[entry.name] = self._bring(web, entry)
            except Stopped:
                return
            except BaseException as error:
                self._failed.append(error)
                self._over.set()

    def _bring(self, web: Any, entry: Entry) -> str:
        part, target = part_of(self._listing, entry, self._folder), self._folder / entry.name
        for _ in range(TRIES):
            with contextlib.suppress(Differs):
                sha256 = self._transfer(web, entry, part)
                if not entry.differs(sha256, lambda: git_oid_of(part)):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(part, target)
                    return sha256
            self._gauge.here(-part.stat().st_size)
            part.unlink()
        raise WizardError("hub-file-damaged", exit_code=ExitCode.FAILED, file=entry.name, **whose(self._listing))

    def _transfer(self, web: Any, entry: Entry, part: Path) -> str:
        def waits(seconds: float) -> None:
            self._waiting.put((entry.name, seconds))

        ears = Ears(here=self._gauge.here, moved=self._gauge.came, waits=waits, over=self._over)
        try:
            return transfer(web, entry, part, ears)
        except Refused as refusal:
            raise refused(self._listing, entry, refusal.status) from refusal
        except GivenUp as end:
            params = {"file": entry.name, "why": end.cause, "got_bytes": part.stat().st_size, **whose(self._listing)}
            raise WizardError("hub-broke-off", exit_code=ExitCode.FAILED, **params) from end


def refused(listing: Listing, entry: Entry, status: int) -> WizardError:
    if status in (401, 403):
        return failure(listing.kind, listing.ref, status)
    return WizardError("hub-lacks-file", exit_code=ExitCode.FAILED, file=entry.name, status=status, **whose(listing))
