"""`estimate`: a model by any name, one case or many, by the formula or by running the model's own code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import fit
from wizard.contract import Architecture, Problem
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, read_json, write_json
from wizard.session import naming
from wizard.session.jobs import HUB, SIMULATION, Progress, job

if TYPE_CHECKING:
    from wizard.session.desk import Desk

HUBS = ("modelscope", "huggingface")
NO_JSON = (ValueError, RecursionError)  # a number of thousands of digits and brackets without end are none either
SIMULATED_YET = ("config-unread-kind", "config-lacks-numbers")  # by the formula not, by the model's own code perhaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`here`: the status on this machine's roomiest cards, empty without one, or that it lacks so many; `card_gib`: the
    least that holds it; `capacity_bytes`: free on the fullest of those cards; `read_as`: see Subject."""

    title: str
    rows: int
    length: int
    peak: fit.Peak
    law_bytes: int  # 0 where the formula cannot read the model
    beside: fit.Beside
    card_gib: int
    here: str
    lacking: int
    step: fit.Step
    capacity_bytes: int
    read_as: str
    simulated: Mapping[str, Any]
    serving: fit.Serving | None = None  # by vLLM on that card, where nothing is trained

    def as_data(self) -> dict[str, Any]:
        here = {"capacity_bytes": self.capacity_bytes, "status": self.here}
        told = {"model": self.title, **fit.told(self.peak), **self.beside._asdict(), "card_gib": self.card_gib, **here}
        more = {"lacking_cards": self.lacking, "read_as": self.read_as, "simulated": dict(self.simulated)}
        if self.serving:
            more["serving"] = {**self.serving._asdict(), "terms": fit.terms_told(self.serving.terms)}
        return told | {key: value for key, value in more.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """`config`: empty where only the catalogue knows the model; `ref`: on a hub; `held`: the base of a checkpoint that
    is quantised already; `read_as`: the model_type it is taken for; `unread`: why the formula cannot."""

    title: str
    architecture: Architecture
    params: int
    longest: int
    config: Mapping[str, Any]
    ref: str = ""
    held: str = ""
    read_as: str = ""
    unread: WizardError | None = None


def subject(desk: Desk, name: str, progress: Progress) -> Subject:
    """By the catalogue's id, by the id a hub has, a folder, or a config.json."""
    catalog, path = desk.catalog(), Path(name).expanduser()
    model = naming.called(catalog, name)
    if not model and path.exists():
        return from_config(path.name, read_config(path))
    if model := model or naming.likely(catalog, name):
        return Subject(
            title=model.title,
            architecture=model.architecture,
            params=model.params,
            longest=model.max_len,
            config={},
            ref=next((source.ref for source in model.sources if source.kind in HUBS), ""),
        )
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return from_config(name, from_hub(desk, name, progress))
    raise naming.unknown(catalog, name)


def from_config(title: str, config: Mapping[str, Any]) -> Subject:
    unread = None
    try:
        architecture = fit.architecture_in(config)
    except WizardError as error:
        if error.problem.code not in SIMULATED_YET:
            raise
        unread, architecture = error, fit.outline_of(config)
    return Subject(
        title=title,
        architecture=architecture,
        params=0 if unread else fit.params_in(architecture),
        longest=fit.longest_of(config),
        config=config,
        held=fit.held_in(config),
        read_as="" if unread else fit.read_as(config),
        unread=unread,
    )


def read_config(path: Path) -> Mapping[str, Any]:
    file = path / "config.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, *NO_JSON) as error:
        raise WizardError("model-config-unreadable", path=str(file), error=str(error)[:200]) from error
    if not isinstance(found, Mapping):
        raise WizardError("model-config-no-object", path=str(file))
    return found


def from_hub(desk: Desk, ref: str, progress: Progress) -> Mapping[str, Any]:
    config: Mapping[str, Any] = asked_of_hubs(desk, ref, progress)["config"]
    return config


def asked_of_hubs(desk: Desk, ref: str, progress: Progress, *, facts: bool = False) -> Mapping[str, Any]:
    """{"hub", "config", "facts"?}. The hub that is asked first is the one that a download would come from; a silent one
    is not waited for."""
    from wizard.session.hubs import addresses

    hubs = list(HUBS)
    if os.environ.get("YCDY_HUB") == "huggingface":
        hubs.reverse()
    answered = desk.hubs()
    heard = [hub for hub in hubs if answered.get(hub, 0.0) is not None]
    if not heard:
        asked = ", ".join(addresses(os.environ).values())
        raise WizardError("config-out-of-reach", exit_code=ExitCode.FAILED, model=ref, asked=asked)
    found = next(job(desk, HUB, "config", [{"ref": ref, "hubs": heard, "facts": facts}], progress))
    if "code" in found:
        raise WizardError(found["code"], exit_code=ExitCode.FAILED, **found["params"])
    return found


def estimate(desk: Desk, name: str, case: Mapping[str, Any], simulating: bool, progress: Progress) -> Estimate:
    about = subject(desk, name, progress)
    if simulating and case.get("params") not in (None, about.params):
        raise WizardError("simulation-other-params", given=case["params"], own=about.params)
    step = fit.step_for(about.architecture, case, params=about.params, longest=about.longest, held=about.held)
    result = simulate(desk, step, config_for(desk, about, progress), progress) if simulating else {}
    if about.unread:
        result = result or kept(desk.home, step)
        if not result:
            raise about.unread
        step = replace(step, params=result["params"])
        peak = fit.witnessed(step, result)
    else:
        peak = fit.estimated(step, simulated(desk.home))
    serves = step.task == "infer" and not about.unread
    machine = desk.machine()
    gpus = sorted(machine.gpus, key=lambda gpu: gpu.free_bytes, reverse=True)[: step.cards]
    free = gpus[-1].free_bytes if gpus else 0
    board = desk.catalog().boards.get(gpus[0].profile or "") if gpus else None
    lacking = step.cards - len(gpus) if gpus else 0
    return Estimate(
        title=about.title,
        rows=step.rows,
        length=step.seq_len,
        peak=peak,
        law_bytes=0 if about.unread else fit.estimated(step, {}).peak_bytes,
        beside=fit.beside(step, board, machine.cpu, packed=bool(about.held)),
        card_gib=card_gib(peak),
        here="lacks" if lacking else status(peak, free) if gpus else "",
        lacking=lacking,
        step=step,
        capacity_bytes=free,
        read_as=about.read_as,
        simulated=result,
        serving=fit.served(step, gpus[0].total_bytes, free, gpus[0].name) if gpus and serves else None,
    )


def card_gib(peak: fit.Peak) -> int:
    """The smallest card that holds it, 0 where none does."""
    return next((gib for gib in fit.CARDS_GIB if gib * fit.USABLE * fit.GIB >= peak.safe_bytes), 0)


def status(peak: fit.Peak, capacity: int) -> str:
    return "fits" if peak.safe_bytes <= capacity else "tight" if peak.card_bytes <= capacity else "no"


def cases(desk: Desk, lines: Iterable[str]) -> Iterator[tuple[Any, dict[str, Any] | Problem]]:
    """(id, answer) for each JSON line, in order; an empty line is none, as JSON Lines' readers have it."""
    known = simulated(desk.home)
    for line in lines:
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except NO_JSON as error:
            yield None, Problem(code="case-not-json", params={"detail": str(error)[:120]})
            continue
        id = case.get("id") if isinstance(case, Mapping) else None
        if is_json(id):
            yield id, answered(case, known)
        else:
            yield None, Problem(code="case-odd-id")


def is_json(value: Any) -> bool:
    """Python reads and writes more: NaN, or lists within lists without end."""
    try:
        return len(json.dumps([[value]], allow_nan=False)) > 0
    except NO_JSON:
        return False


def answered(case: Any, known: Mapping[str, int]) -> dict[str, Any] | Problem:
    """Whatever goes wrong with a line, the lines after it are answered."""
    try:
        return fit.answer(case, known)
    except Exception as error:
        return Problem(code="case-unforeseen", params={"error": f"{type(error).__name__}: {error}"[:120]})


def config_for(desk: Desk, about: Subject, progress: Progress) -> Mapping[str, Any]:
    """Its own, else made of the catalogue's numbers, else its hub's."""
    if about.config:
        return about.config
    try:
        return fit.config_of(about.architecture)
    except WizardError:
        if not about.ref:
            raise
        return from_hub(desk, about.ref, progress)


def simulate(desk: Desk, step: fit.Step, config: Mapping[str, Any], progress: Progress) -> Mapping[str, Any]:
    """{"peak_bytes", "moment", "labels", "seconds"}; the peak is kept, and from now on comes before the formula's."""
    order = fit.order_of(step, config)
    found = next(job(desk, SIMULATION, "simulate", [order], progress))
    if "code" in found:
        raise WizardError(found["code"], exit_code=ExitCode.FAILED, detail=found["detail"])
    write_json(file_of(desk.home, step), {**found, "order": order})
    return found


def file_of(home: Home, step: fit.Step) -> Path:
    return home.simulated / f"{fit.digest_of(step)}.json"


def kept(home: Home, step: fit.Step) -> Mapping[str, Any]:
    """What this step was simulated as before; empty where it was not."""
    return read_json(file_of(home, step))


def simulated(home: Home) -> Mapping[str, int]:
    """Peaks in bytes by the digest of a step."""
    peaks = {path.stem: read_json(path).get("peak_bytes") for path in home.simulated.glob("*.json")}
    return {digest: peak for digest, peak in peaks.items() if isinstance(peak, int) and peak > 0}
