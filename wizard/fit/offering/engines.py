"""Which engines can run on a machine, and why the others cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wizard.contract import Catalog, Engine, Machine, Model, Problem, Recipe, lock_of

NO_NEWS = "engine-needs-accelerator"
CUDA_13_DRIVER, CUDA_12_DRIVER = 580, 525
CUDA_13_CAPABILITY = (7, 5)  # CUDA 13 dropped what is older
BUILDS = {"cu12": "CUDA 12", "cu13": "CUDA 13"}
INSTALL = {"cc": "gcc", "c++": "g++", "nginx": "nginx-light"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """The engine of each stage, the Python each runs on, and why others were passed over."""

    engines: Mapping[str, str] = field(default_factory=dict)
    pythons: Mapping[str, str] = field(default_factory=dict)
    servers: tuple[str, ...] = ()  # all that could serve, the one in `engines` first
    notes: tuple[Problem, ...] = ()
    reason: Problem | None = None


def accelerator(machine: Machine) -> str:
    """The newest kind of build that this machine's driver and all of its cards can run."""
    if not machine.gpus:
        return "cpu"
    driver = driver_major(machine)
    cuda = machine.cuda or ((13, 0) if driver >= CUDA_13_DRIVER else (12, 0) if driver >= CUDA_12_DRIVER else (0, 0))
    oldest = capability(machine)
    if cuda >= (13, 0) and (oldest is None or oldest >= CUDA_13_CAPABILITY):
        return "cu13"
    return "cu12" if cuda >= (12, 0) else "cpu"


def driver_major(machine: Machine) -> int:
    found = re.match(r"\d+", machine.driver or "")
    return int(found[0]) if found else 0


def capability(machine: Machine) -> tuple[int, int] | None:
    known = [gpu.compute_capability for gpu in machine.gpus if gpu.compute_capability]
    return min(known) if known else None


def reasons_engine_cannot_run(engine: Engine, machine: Machine, accelerator: str) -> tuple[Problem, ...]:
    """Everything that is missing, so that one visit mends it all."""
    return tuple(_reasons(engine, machine, accelerator))


def _reasons(engine: Engine, machine: Machine, accelerator: str) -> Iterator[Problem]:
    needs = engine.needs
    if needs.accelerators and accelerator not in needs.accelerators:
        yield _problem("accelerator", engine, has=accelerator, needed=", ".join(needs.accelerators))
        return
    python = python_for(engine, machine, accelerator)
    if not python:
        yield _problem("python", engine, has=", ".join(machine.pythons) or "-", needed=", ".join(engine.python))
    if needs.arch and machine.cpu.arch not in needs.arch:
        yield _problem("arch", engine, has=machine.cpu.arch, needed=", ".join(needs.arch))
    if missing := [flag for flag in needs.cpu_flags if flag not in machine.cpu.flags]:
        yield _problem("cpu-flags", engine, needed=", ".join(missing), cpu=machine.cpu.name)
    if accelerator != "cpu":
        yield from _card_reasons(engine, machine, accelerator)
    if absent := [tool for tool in needs.system if not _has(machine, tool, python)]:
        yield _problem("system", engine, needed=", ".join(absent), command=_command(absent, python))


def _card_reasons(engine: Engine, machine: Machine, accelerator: str) -> Iterator[Problem]:
    built_for, arch = engine.needs.build_arch.get(accelerator, ()), machine.cpu.arch
    if built_for and arch not in built_for:
        yield _problem("build", engine, build=BUILDS[accelerator], has=arch, needed=", ".join(built_for))
    wanted = engine.needs.min_driver.get(accelerator, 0)
    if driver_major(machine) < wanted:
        yield _problem("driver", engine, has=machine.driver or "-", needed=str(wanted))
    floor, oldest = engine.needs.min_capability, capability(machine)
    if floor and oldest and oldest < floor:
        yield _problem("capability", engine, has=_dotted(oldest), needed=_dotted(floor))


def reason_engine_cannot_serve(engine: Engine, model: Model) -> Problem | None:
    unread = [kind for kind in model.modality if kind not in engine.modality]
    return _problem("modality", engine, model=model.title, needed=", ".join(unread)) if unread else None


def python_for(engine: Engine, machine: Machine, accelerator: str) -> str:
    """The best Python that is here, has a list of packages, and the headers where the engine compiles."""
    here = [
        version for version in engine.python if version in machine.pythons and lock_of(engine, accelerator, version)
    ]
    if "python-headers" in engine.needs.system:
        here.sort(key=lambda version: not _has(machine, "python-headers", version))
    return here[0] if here else ""


def _has(machine: Machine, tool: str, python: str) -> bool:
    if tool != "python-headers":
        return tool in machine.tools
    told_apart = any(name.startswith("python-headers-") for name in machine.tools) and not machine.pretend
    return (f"{tool}-{python}" if told_apart else tool) in machine.tools


def _command(missing: Sequence[str], python: str) -> str:
    headers = f"python{python}-dev" if python else "python3-dev"
    return "apt-get install -y " + " ".join(
        headers if tool == "python-headers" else INSTALL.get(tool, tool) for tool in missing
    )


def _dotted(capability: tuple[int, int]) -> str:
    return f"{capability[0]}.{capability[1]}"


def _problem(kind: str, engine: Engine, **params: str) -> Problem:
    return Problem(code=f"engine-needs-{kind}", params={"engine": engine.title, **params})


def pick(
    recipe: Recipe, model: Model, machine: Machine, catalog: Catalog, kind: str, forced: Mapping[str, str]
) -> Picks:
    """For each stage the first engine that can run; a serve stage that has none is left out with a note, where
    something is trained all the same."""
    engines: dict[str, str] = {}
    servers: list[str] = []
    notes: list[Problem] = []
    reason: Problem | None = None
    for stage, named in recipe.engines.items():
        wanted = dict.fromkeys(name for name in (forced.get(stage, ""), *named) if name in catalog.engines)
        able: list[str] = []
        blocked: list[Problem] = []
        for name in _in_order(stage, wanted, model, catalog):
            found = reasons_engine_cannot_run(catalog.engines[name], machine, kind)
            if stage == "serve" and (unserved := reason_engine_cannot_serve(catalog.engines[name], model)):
                found = (*found, unserved)
            blocked += found[:1] if not able else []
            able += [] if found else [name]
        if able:
            engines[stage] = able[0]
            servers = able if stage == "serve" else servers
            notes += blocked
        elif stage == "serve" and "train" in recipe.engines:
            notes += blocked
        else:
            telling = [fault for fault in blocked if fault.code != NO_NEWS] if stage == "serve" else blocked
            reason = reason or next(iter(telling or blocked), None)
    pythons = pythons_for(recipe, model, machine, catalog, kind, engines)
    told = _worth_telling(notes, kind)
    return Picks(engines=engines, pythons=pythons, servers=tuple(servers), notes=told, reason=reason)


def naming(picks: Picks, model: Model) -> Picks:
    """Found for another model alike, with this one in what is told."""
    told = [each for each in (*picks.notes, picks.reason) if each]
    if not any("model" in each.params for each in told):
        return picks
    notes = tuple(renamed(each, model=model.title) for each in picks.notes)
    return replace(picks, notes=notes, reason=picks.reason and renamed(picks.reason, model=model.title))


def renamed(problem: Problem, **names: str) -> Problem:
    """With other names where it has any."""
    told = {name: title for name, title in names.items() if name in problem.params}
    return replace(problem, params={**problem.params, **told}) if told else problem


def pythons_for(
    recipe: Recipe, model: Model, machine: Machine, catalog: Catalog, kind: str, engines: Mapping[str, str]
) -> Mapping[str, str]:
    """The Python of every engine that may be needed, the carrier of a bundled model included."""
    carriers = [source.ref for source in model.sources if source.kind == "bundled"]
    names = dict.fromkeys([*engines.values(), *recipe.engines.get("fetch", ()), *carriers])
    found = {name: python_for(catalog.engines[name], machine, kind) for name in names if name in catalog.engines}
    return {name: python for name, python in found.items() if python}


def _in_order(stage: str, names: Iterable[str], model: Model, catalog: Catalog) -> list[str]:
    """The bundled model is converted by an engine that trains; a hub is spoken to by one that does not."""
    if stage != "fetch":
        return list(names)
    bundled = any(source.kind == "bundled" for source in model.sources)
    return sorted(names, key=lambda name: ("train" in catalog.engines[name].kinds) != bundled)


def _worth_telling(notes: Sequence[Problem], kind: str) -> tuple[Problem, ...]:
    """That a CUDA engine does not run without a card, or a CPU one beside it, is no news."""
    return tuple(note for note in notes if note.code != NO_NEWS)
