"""Engines' environments for what is no run: one-shot jobs, and a download by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wizard import fit
from wizard import plan as planning
from wizard import run as engine_room
from wizard.contract import Engine, Environment, lock_of
from wizard.errors import ExitCode, WizardError

if TYPE_CHECKING:
    from wizard.session.desk import Desk

SIMULATION, HUB = "simulation", "hub"
Progress = Callable[[str, int, int], None]


def unheard(phase: str, done: int, total: int) -> None:
    """For those who do not show how an environment is made."""


class Place(NamedTuple):
    """An engine's environment for this machine, and its package list."""

    engine: Engine
    environment: Environment
    requirements: str


def place(desk: Desk, engine: str) -> Place:
    """For this machine, whatever machine is pretended."""
    known, machine = desk.catalog().engines[engine], desk.machine()
    cards = next(iter(fit.alone(machine)), ())
    kinds = ("cpu",) if desk.pretend else dict.fromkeys((fit.accelerator(fit.only(machine, cards)), "cpu"))
    choices = [(kind, python) for kind in kinds if (python := fit.python_for(known, machine, kind))]
    if not choices:
        has = ", ".join(machine.pythons) or "-"
        raise WizardError(
            "engine-needs-python",
            exit_code=ExitCode.NO_DEVICE,
            engine=known.title,
            has=has,
            needed=", ".join(known.python),
        )
    accelerator, python = choices[0]
    text = desk.lock_text(lock_of(known, accelerator, python))
    return Place(known, planning.environment(known, accelerator, python, text), text)


def ready(desk: Desk, place: Place, progress: Progress) -> Path:
    """The environment's folder; it is built where it is missing."""
    uv = engine_room.find_uv(desk.home)
    return engine_room.environments.ensure(desk.home, place.environment, place.requirements, place.engine, uv, progress)


def job(
    desk: Desk, engine: str, stage: str, asked: list[Mapping[str, Any]], progress: Progress
) -> Iterator[Mapping[str, Any]]:
    at = place(desk, engine)
    return engine_room.answers(desk.home, at.environment, at.requirements, at.engine, stage, asked, progress)
