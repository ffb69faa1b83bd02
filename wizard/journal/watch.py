"""Watching a run from its files: a quick first look, cheap polls, the exact fold beside them."""

from __future__ import annotations

import os
import threading

from wizard.contract import Plan, RunState
from wizard.journal.files import locked, read_plan
from wizard.journal.layout import RunFolder
from wizard.journal.lines import Tail
from wizard.journal.sample import TAIL, glimpse, last_lines
from wizard.journal.story import Story


class Watch:
    """`poll` never reads much at once; `complete` reads everything and may run in another thread meanwhile."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.plan = read_plan(folder.plan)
        self._lock = threading.Lock()
        self._reader: _Reader | None = None

    def poll(self) -> RunState:
        with self._lock:
            if self._reader is None:
                self._reader = _Reader(self.folder, self.plan, quick=True)
            return self._reader.state()

    def complete(self) -> RunState:
        if self._reader is None or not self._reader.exact:
            reader = _Reader(self.folder, self.plan, quick=False)
            reader.read()
            with self._lock:
                self._reader = reader
        return self.poll()

    def log(self, stage: str, lines: int = 200) -> list[str]:
        folder = next((item.folder for item in self.plan.stages if stage in (item.name, item.folder)), "")
        return last_lines(self.folder.stage(folder).log, lines) if folder else []


class _Reader:
    def __init__(self, folder: RunFolder, plan: Plan, *, quick: bool) -> None:
        self._folder = folder
        self._story = Story(plan)
        self._supervisor = Tail(folder.supervisor)
        stages = [(stage.folder, folder.stage(stage.folder)) for stage in plan.stages]
        self._events = {name: Tail(stage.events) for name, stage in stages}
        self._metrics = {name: Tail(stage.metrics) for name, stage in stages}
        self._meter = Tail(folder.meter, start=_newest(folder))
        self._state: RunState | None = None
        self._supervised = False
        self.exact = True
        if quick:
            self._glimpse()

    def state(self) -> RunState:
        changed = self.read()
        supervised = locked(self._folder.lock)
        if changed or self._state is None or supervised != self._supervised:
            # A supervisor writes its last event and then lets go: read once more, so that its end is not missed.
            self.read()
            corrupt = {tail.path.name: tail.corrupt for tail in self._tails() if tail.corrupt}
            self._supervised = supervised
            self._state = self._story.state(supervised=supervised, exact=self.exact, corrupt=corrupt)
        return self._state

    def read(self) -> bool:
        before = [tail.position for tail in self._tails()]
        for event in self._supervisor.new():
            self._story.supervisor(event)
        for name, tail in self._events.items():
            for batch in tail.batches():
                for event in batch:
                    self._story.stage(name, event)
        for name, tail in self._metrics.items():
            for batch in tail.batches():
                for line in batch:
                    self._story.metric(name, line)
        for line in self._meter.new():
            self._story.meter(line)
        return before != [tail.position for tail in self._tails()]

    def _tails(self) -> tuple[Tail, ...]:
        return (self._supervisor, self._meter, *self._events.values(), *self._metrics.values())

    def _glimpse(self) -> None:
        for tails, take in ((self._events, self._story.stage), (self._metrics, self._story.metric)):
            for name, tail in tails.items():
                if (seen := glimpse(tail.path)) is not None:
                    events, tail.position = seen
                    self.exact = False
                    for event in events:
                        take(name, event)


def _newest(folder: RunFolder) -> int:
    """Only the newest gauges are shown, so the meter is read from its end; its first, cut line does not count."""
    try:
        with folder.meter.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - TAIL)
            file.seek(start)
            return start + file.read().find(b"\n") + 1 if start else 0
    except OSError:
        return 0
