"""What a run would find here already: models that are fetched and environments that are built, by id."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from wizard import fit
from wizard import plan as planning
from wizard.contract import Catalog, Environment, Machine, Plan, lock_of
from wizard.journal import Home


def here(home: Home, catalog: Catalog, machine: Machine, locks: Path) -> frozenset[str]:
    accelerators = {"cpu", *(fit.accelerator(fit.only(machine, cards)) for cards in fit.alone(machine))}
    return present(home, catalog, accelerators, locks)


def present(home: Home, catalog: Catalog, accelerators: Collection[str], locks: Path) -> frozenset[str]:
    models = {
        id
        for id, model in catalog.models.items()
        if any(source.kind == "path" for source in model.sources) or (home.models / id / "fetched.json").is_file()
    }
    ready = {path.parent.name for path in home.envs.glob("*/.ready")}
    return frozenset(models | set(_environments(catalog, accelerators, locks, ready)) if ready else models)


def _environments(catalog: Catalog, accelerators: Collection[str], locks: Path, ready: set[str]) -> Iterator[str]:
    """An environment that was built from another package list is not the one that a run would ask for."""
    for engine in catalog.engines.values():
        if not any(name.startswith(f"{engine.id}-") for name in ready):
            continue
        for accelerator in accelerators:
            for python in engine.python:
                lock = lock_of(engine, accelerator, python)
                if lock and f"{engine.id}-{_mark(locks / lock, accelerator, python)}" in ready:
                    yield planning.environment_id(engine.id, accelerator, python)


def replayed(home: Home, requirements: Mapping[str, str]) -> frozenset[str]:
    """Ids of environments that are built of a replay's own package lists."""
    return frozenset(id for id, text in requirements.items() if _built(home, id, text))


def _built(home: Home, id: str, text: str) -> bool:
    engine, accelerator, python = id.rsplit("-", 2)
    mark = planning.environment_mark(text, accelerator, f"{python[2:3]}.{python[3:]}")
    return (home.envs / f"{engine}-{mark}" / ".ready").exists()


def unbuilt(home: Home, plan: Plan) -> tuple[Environment, ...]:
    """What a run would build first."""
    folders = ((item, home.envs / f"{item.engine}-{item.digest}") for item in plan.environments)
    return tuple(item for item, folder in folders if not (folder / ".ready").exists())


def _mark(lock: Path, accelerator: str, python: str) -> str:
    return planning.environment_mark(lock.read_text(encoding="utf-8"), accelerator, python)
