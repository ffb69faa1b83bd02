"""doctor: what is in order and what mends the rest. uninstall: everything this program made, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wizard import fit
from wizard import run as engine_room
from wizard.contract import Catalog, Machine, Problem
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.session import runs
from wizard.session.belongings import belongings, delete

LOW_DISK_BYTES = 10_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor: a word key doctor.<code>, or a Problem with its remedy."""

    code: str
    ok: bool
    params: dict[str, object]
    problem: Problem | None = None


def examine(home: Home, machine: Machine, catalog: Catalog, uv: str) -> Iterator[Check]:
    yield Check(code="home", ok=os.access(home.root, os.W_OK), params={"path": str(home.root)})
    yield Check(code="uv", ok=bool(uv) and os.access(uv, os.X_OK), params={"path": uv or "-"})
    disk = machine.disks[0] if machine.disks else None
    if disk:
        low = disk.free_bytes < LOW_DISK_BYTES
        problem = Problem(code="disk-low", params={"path": disk.path, "free_bytes": disk.free_bytes}) if low else None
        yield Check(code="disk", ok=not low, params={"path": disk.path, "free_bytes": disk.free_bytes}, problem=problem)
    device = "device" if machine.gpus else "no-device"
    yield Check(code=device, ok=True, params={"gpus": len(machine.gpus), "driver": machine.driver or "-"})
    for problem in (*machine.problems, *catalog.problems):
        yield Check(code="problem", ok=False, params={}, problem=problem)
    yield from _engines(machine, catalog)
    yield from _environments(home)


def _engines(machine: Machine, catalog: Catalog) -> Iterator[Check]:
    """On the card that lacks least of what an engine needs."""
    parts = [fit.only(machine, cards) for cards in fit.alone(machine)] or [machine]
    for engine in catalog.engines.values():
        found = (fit.reasons_engine_cannot_run(engine, part, fit.accelerator(part)) for part in parts)
        reasons = min(found, key=len)
        first = reasons[0] if reasons else None
        yield Check(code="engine", ok=not reasons, params={"engine": engine.id, "title": engine.title}, problem=first)


def _environments(home: Home) -> Iterator[Check]:
    for path in sorted(home.envs.glob("*")):
        if path.is_dir():
            yield Check(code="environment", ok=(path / ".ready").exists(), params={"environment": path.name})


def remove(home: Home) -> tuple[Path, ...]:
    """Ends no run by itself: one that is going on is named and must be stopped first."""
    if going := runs.going(home):
        raise WizardError("uninstall-while-running", runs=", ".join(going))
    engine_room.environments.give_up(home)
    gone = belongings(home)
    for path in gone:
        delete(path)
    return gone
