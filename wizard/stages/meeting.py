"""Machines that train as one: they meet at torch's store (c10d, as torchrun's agents do), agree on a checkpoint, and
notice when one of them is gone.

YCDY_RENDEZVOUS=node-0:29400 YCDY_NODE_RANK=1 python -m wizard.stages.train RUN/03-train
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.ports import claim

RENDEZVOUS, NODE_RANK, SHARED = "YCDY_RENDEZVOUS", "YCDY_NODE_RANK", "YCDY_CHECKPOINTS"
PORT = 29400  # torchrun's own, where none is named
PATIENCE_SECONDS = 600.0  # a cluster does not start all machines at once
BEAT_SECONDS, SILENT_SECONDS = 5.0, 60.0
AGAIN_SECONDS = 1.0
SEEN, SEEN_SECONDS = "seen-by-all", 5.0  # a network's disk tells others of a new file a little later


def node_rank() -> int:
    """Of this machine; the first one keeps the store, and what was trained."""
    return int(os.environ.get(NODE_RANK) or 0)


def shared_folder() -> str:
    """Of the checkpoints of all machines, once they have met and see the same disk."""
    return os.environ.get(SHARED, "")


def place_of(nodes: int) -> tuple[str, int, int]:
    """Host and port where they meet, and which of them this is. Raises the Problem of what was not told."""
    host, _, port = os.environ.get(RENDEZVOUS, "").partition(":")
    told = os.environ.get(NODE_RANK, "")
    if not host or not told.isdigit() or int(told) >= nodes or not (port or str(PORT)).isdigit():
        raise WizardError("machines-untold", exit_code=ExitCode.FAILED, nodes=nodes, rank=told or "-", host=host or "-")
    return host, int(port or PORT), int(told)


def seen(file: Path, token: str) -> bool:
    deadline = time.monotonic() + SEEN_SECONDS
    while True:
        try:
            if file.read_text(encoding="utf-8") == token:
                return True
        except OSError:
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(AGAIN_SECONDS)


class Meeting:
    """One attempt at a training that several machines make together."""

    def __init__(self, nodes: int, patience: float = PATIENCE_SECONDS) -> None:
        self.host, self.port, self.rank = place_of(nodes)
        self.nodes = nodes
        self._deadline = time.monotonic() + patience
        self._store = self._joined()
        self._beats: dict[int, tuple[bytes, float]] = {}
        self._beat = 0.0

    def _joined(self) -> Any:
        """Not what is left of an earlier attempt: there somebody was this machine already."""
        from torch.distributed import TCPStore

        while True:
            try:
                left = timedelta(seconds=max(1.0, self._deadline - time.monotonic()))
                store = TCPStore(self.host, self.port, None, self.rank == 0, left, wait_for_workers=False)
                if store.add(f"joined-{self.rank}", 1) == 1:
                    return store
            except (RuntimeError, OSError) as error:
                self._waited(error)
            self._waited(None)

    def _waited(self, error: Exception | None) -> None:
        if time.monotonic() > self._deadline:
            where = f"{self.host}:{self.port}"
            raise WizardError("machines-unmet", exit_code=ExitCode.FAILED, nodes=self.nodes, host=where) from error
        time.sleep(AGAIN_SECONDS)

    def _told(self, name: str, mine: str) -> list[str]:
        """What each of them says to it, in order."""
        from torch.distributed import DistNetworkError, DistStoreError

        names = [f"{name}-{rank}" for rank in range(self.nodes)]
        while True:
            try:
                self._store.set(f"{name}-{self.rank}", mine)
                self._store.wait(names, timedelta(seconds=AGAIN_SECONDS))
                return [self._store.get(each).decode() for each in names]
            except DistNetworkError as error:
                raise WizardError("machine-left", exit_code=ExitCode.FAILED, host=self.host) from error
            except DistStoreError as error:
                self._waited(error)

    def agreed(self, steps: Sequence[int]) -> int:
        """The newest checkpoint that all of them have whole; 0 where there is none. `steps`: those of this one."""
        all_steps = [set(json.loads(told)) for told in self._told("steps", json.dumps(list(steps)))]
        return max(set.intersection(*all_steps), default=0)

    def shared(self, folder: Path) -> Path | None:
        """The first machine's `folder`, where all of them see it: on a disk that they share."""
        token = secrets.token_hex(8)
        if self.rank == 0:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / SEEN).write_text(token, encoding="utf-8")
        told = json.loads(self._told("folder", json.dumps([str(folder), token]))[0])
        sees = json.dumps(seen(Path(told[0]) / SEEN, told[1]))
        return Path(told[0]) if all(json.loads(each) for each in self._told("sees", sees)) else None

    def of_the_first(self, name: str, mine: int) -> int:
        """What the first machine says to it."""
        return int(self._told(name, str(mine))[0])

    def hold_alike(self, knobs: Mapping[str, Any]) -> None:
        """One that went down its ladder alone would train something else, or wait for the others for ever."""
        told = [json.loads(each) for each in self._told("knobs", json.dumps(dict(knobs), sort_keys=True))]
        if odd := sorted({name for each in told for name in each if each[name] != told[0].get(name)}):
            raise WizardError("machines-differ", exit_code=ExitCode.FAILED, knobs=", ".join(odd))

    def port_of_cards(self) -> int:
        """A free port of the first machine, where the cards of all of them meet."""
        return self.of_the_first("port", claim("", 0))

    def all_there(self) -> bool:
        """Whether each has been heard of lately; asked again and again, it says that this one is."""
        now = time.monotonic()
        if now < self._beat + BEAT_SECONDS:
            return True
        self._beat = now
        try:
            self._store.set_timeout(timedelta(seconds=SILENT_SECONDS))
            self._store.set(f"beat-{self.rank}", str(now))
            for rank in range(self.nodes):
                if self._store.check([f"ended-{rank}"]):
                    self._beats.pop(rank, None)
                    continue
                name = f"beat-{rank}"
                said = self._store.get(name) if self._store.check([name]) else b""
                if self._beats.get(rank, (None, 0.0))[0] != said:
                    self._beats[rank] = said, now
        except (RuntimeError, OSError):
            return False
        return all(now - heard < SILENT_SECONDS for _, heard in self._beats.values())

    def leave(self) -> None:
        """Done here. The first one keeps the store until the others are done, or fall silent."""
        try:
            self._store.set(f"ended-{self.rank}", "")
            if self.rank == 0:
                names = [f"ended-{rank}" for rank in range(self.nodes)]
                self._store.wait(names, timedelta(seconds=SILENT_SECONDS))
        except (RuntimeError, OSError):
            return
