"""`estimate`: a model by any name, one case or many, by the formula or by running the model's own code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import fit
from wizard import plan as planning
from wizard import run as engine_room
from wizard.contract import Architecture, Problem
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, read_json, write_json

if TYPE_CHECKING:
    from wizard.session.desk import Desk

Progress = Callable[[str, int, int], None]
SIMULATION, HUB = "simulation", "hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`here`: the status on this machine's roomiest card, empty without one; `cards`: sizes that hold it, in GiB."""

    title: str
    rows: int
    length: int
    peak: fit.Peak
    law_bytes: int
    cards: str
    here: str
    capacity_bytes: int
    simulated: Mapping[str, Any]

    def as_data(self) -> dict[str, Any]:
        told = {"model": self.title, **fit.told(self.peak), "capacity_bytes": self.capacity_bytes, "status": self.here}
        return {**told, "simulated": dict(self.simulated)} if self.simulated else told


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is estimated: `config` is empty where only the catalogue knows the model."""

    title: str
    architecture: Architecture
    params: int
    longest: int
    config: Mapping[str, Any]


def subject(desk: Desk, name: str, progress: Progress) -> Subject:
    """By the catalogue's id, by the id a hub has, a folder, or a config.json."""
    for model in desk.catalog().models.values():
        if name == model.id or any(name == source.ref for source in model.sources):
            return Subject(
                title=model.title,
                architecture=model.architecture,
                params=model.params,
                longest=model.max_len,
                config={},
            )
    path = Path(name).expanduser()
    if path.exists():
        return from_config(path.name, read_config(path))
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return from_config(name, from_hub(desk, name, progress))
    raise WizardError("unknown-model", name=name, nearest=fit.nearest(name, desk.catalog().models) or "-")


def from_config(title: str, config: Mapping[str, Any]) -> Subject:
    architecture = fit.architecture_in(config)
    return Subject(
        title=title,
        architecture=architecture,
        params=fit.params_in(architecture),
        longest=fit.longest_of(config),
        config=config,
    )


def read_config(path: Path) -> Mapping[str, Any]:
    file = path / "config.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise WizardError("model-config-unreadable", path=str(file), error=str(error)[:200]) from error
    if not isinstance(found, Mapping):
        raise WizardError("model-config-unreadable", path=str(file), error="no JSON object")
    return found


def from_hub(desk: Desk, ref: str, progress: Progress) -> Mapping[str, Any]:
    """The hub that is asked first is the one that a download would come from."""
    hubs = ["modelscope", "huggingface"]
    if os.environ.get("YCDY_HUB") == "huggingface":
        hubs.reverse()
    found = next(job(desk, HUB, "config", [{"ref": ref, "hubs": hubs}], progress))
    if "code" in found:
        raise WizardError(found["code"], exit_code=ExitCode.FAILED, **found["params"])
    config: Mapping[str, Any] = found["config"]
    return config


def estimate(desk: Desk, name: str, case: Mapping[str, Any], simulating: bool, progress: Progress) -> Estimate:
    about = subject(desk, name, progress)
    step = fit.step_for(about.architecture, case, params=about.params, longest=about.longest)
    result = simulate(desk, step, about.config, progress) if simulating else {}
    peak = fit.estimated(step, simulated(desk.home))
    roomiest = max((gpu.free_bytes for gpu in desk.machine().gpus), default=0)
    return Estimate(
        title=about.title,
        rows=step.rows,
        length=step.seq_len,
        peak=peak,
        law_bytes=fit.estimated(step, {}).peak_bytes,
        cards=", ".join(str(gib) for gib in fit.CARDS_GIB if gib * fit.USABLE * fit.GIB >= peak.safe_bytes),
        here=status(peak, roomiest) if roomiest else "",
        capacity_bytes=roomiest,
        simulated=result,
    )


def status(peak: fit.Peak, capacity: int) -> str:
    return "fits" if peak.safe_bytes <= capacity else "tight" if peak.card_bytes <= capacity else "no"


def cases(desk: Desk, lines: Iterable[str]) -> Iterator[tuple[Any, dict[str, Any] | Problem]]:
    """(id, answer) for each JSON line, in order."""
    known = simulated(desk.home)
    for line in lines:
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except json.JSONDecodeError as error:
            yield None, Problem(code="case-not-json", params={"detail": str(error)[:120]})
            continue
        yield case.get("id") if isinstance(case, Mapping) else None, fit.answer(case, known)


def simulate(desk: Desk, step: fit.Step, config: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """{"peak_bytes", "moment", "labels", "seconds"}; the peak is kept, and from now on comes before the formula's."""
    order = fit.order_of(step, config or fit.config_of(step.architecture))
    found = next(job(desk, SIMULATION, "simulate", [order], progress))
    if "code" in found:
        raise WizardError(found["code"], exit_code=ExitCode.FAILED, detail=found["detail"])
    write_json(desk.home.simulated / f"{fit.digest_of(step)}.json", {**found, "order": order})
    return found


def simulated(home: Home) -> Mapping[str, int]:
    """Peaks in bytes by the digest of a step."""
    peaks = {path.stem: read_json(path).get("peak_bytes") for path in home.simulated.glob("*.json")}
    return {digest: peak for digest, peak in peaks.items() if isinstance(peak, int) and peak > 0}


def job(
    desk: Desk, engine: str, stage: str, asked: list[Mapping[str, Any]], progress: Progress
) -> Iterator[Mapping[str, Any]]:
    """In an environment for this machine, whatever machine is pretended."""
    known, machine = desk.catalog().engines[engine], desk.machine()
    kinds = ("cpu",) if desk.pretend else dict.fromkeys((fit.accelerator(machine), "cpu"))
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
    text = desk.lock_text(planning.lock_of(known, accelerator, python))
    environment = planning.environment(known, accelerator, python, text)
    return engine_room.answers(desk.home, environment, text, known, stage, asked, progress)
