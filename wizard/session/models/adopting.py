"""A model that is not in the catalogue becomes one of it, from its config.json: by a hub's id, or a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import catalog as drawers
from wizard import fit
from wizard import plan as planning
from wizard.contract import Model
from wizard.contract.native import needs_code
from wizard.errors import ExitCode, WizardError
from wizard.journal import write_atomic
from wizard.session import estimating
from wizard.session.estimating import HUBS
from wizard.session.jobs import Progress

if TYPE_CHECKING:
    from wizard.session.desk import Desk

PATHLIKE = (".", "/", "~")
TRAINED = ("gptq", "awq")  # packed so, by a recipe
FALLBACK_LEN = 2048  # where a config does not tell how long a text may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """`path`: its file in the person's catalogue, None for one that is built in; `new`: it was not there before."""

    model: Model
    path: Path | None
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A model and the TOML that says the same."""

    model: Model
    text: str


def is_ref(name: str) -> bool:
    """Whether a hub may be asked for it."""
    return name.count("/") == 1 and not name.startswith(PATHLIKE) and all(name.split("/"))


def no_model_in(path: Path) -> WizardError:
    """`nearest`: a folder in it that holds one, as downloads have them."""
    if not path.is_dir():
        return WizardError("model-no-folder", path=str(path))
    inside = next(iter(sorted(path.glob("*/config.json")) or sorted(path.glob("*/*/config.json"))), None)
    return WizardError("model-no-config", path=str(path), nearest=str(inside.parent) if inside else "")


def from_hub(desk: Desk, ref: str, progress: Progress) -> Draft:
    found = estimating.asked_of_hubs(desk, ref, progress, facts=True)
    facts: Mapping[str, Mapping[str, Any]] = found["facts"]
    told = [facts[hub] for hub in HUBS if hub in facts]
    first = {
        name: next((value for fact in told if (value := fact.get(name))), None)
        for name in ("bytes", "licence", "gated")
    }
    return draft(ref, found["config"], found["hub"], {hub: ref for hub in HUBS if hub in facts}, first)


def from_folder(folder: Path) -> Draft:
    path = folder.resolve()
    config = estimating.read_config(path)
    return draft(called(path), config, "", {"sources": [{"kind": "path", "ref": str(path)}]}, {})


def called(path: Path) -> str:
    """A folder's own name; of what a stage of a run left, that of the run without its date. Not that of a built-in
    file, whose family it would put out of sight."""
    run = path.parents[1].name if len(path.parents) > 1 else ""
    if run and re.fullmatch(r"\d\d-[a-z]+", path.parent.name):
        return re.sub(r"^\d{8}-", "", run)
    taken = (drawers.builtin() / "models" / f"{planning.id_of(path.name)}.toml").exists()
    return f"{path.parent.name}-{path.name}" if taken else path.name


def draft(
    ref: str, config: Mapping[str, Any], origin: str, places: Mapping[str, Any], facts: Mapping[str, Any]
) -> Draft:
    """Raises the Problems of the fit law where it cannot read the config, and model-quantised-already."""
    packed = held_of(config, ref)
    id = planning.id_of(ref)
    lines = _lines(id, ref, config, f"{origin} {ref}".strip(), {**places, **packed}, facts)
    text = "\n".join(lines) + "\n"
    models, problems = drawers.read_models(text, f"{id}.toml", yours=True)
    if problems:
        raise WizardError.of(problems[0])
    return Draft(model=models[id], text=text)


def held_of(config: Mapping[str, Any], ref: str) -> Mapping[str, str]:
    """`held` of a dense text model in 4 bits by GPTQ or AWQ, which a recipe trains beside; raises
    model-quantised-already for what else is quantised."""
    found = fit.held_in(config)
    if not found:
        return {}
    told, a = config.get("quantization_config") or {}, fit.architecture_in(config)
    method = str(told.get("quant_method"))
    if found != "int4" or method not in TRAINED or a.experts or a.tower:
        raise WizardError("model-quantised-already", model=ref, held=found)
    return {"held": method}


def _lines(
    id: str,
    ref: str,
    config: Mapping[str, Any],
    origin: str,
    places: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> Iterator[str]:
    architecture = fit.architecture_in(config)
    family = {
        "family": architecture.family,
        "licence": facts.get("licence") or "",
        "max_len": fit.longest_of(config) or FALLBACK_LEN,
        "template": "",
        **({"modality": ["text", "image"]} if architecture.tower else {}),
        **tasks_of(config, seeing=architecture.tower is not None),
        **({"gated": True} if facts.get("gated") else {}),
    }
    checkpoint = {
        "id": id,
        "title": ref.rpartition("/")[2],
        "params": fit.params_in(architecture),
        "architecture": numbers_of(architecture),
        **({"bytes": facts["bytes"]} if facts.get("bytes") else {}),
        **places,
    }
    yield f"# Made by `models add` of the config.json of {origin.encode('ascii', 'backslashreplace').decode()}"
    if kind := fit.read_as(config):
        yield f"# Its model_type is not known here: read as if it were {kind}"
    yield from (f"{name} = {planning.value(value)}" for name, value in family.items())
    yield from ("", "[[models]]")
    yield from (f"{name} = {planning.value(value)}" for name, value in checkpoint.items())


def tasks_of(config: Mapping[str, Any], *, seeing: bool) -> dict[str, Any]:
    """Of a model that needs code of its own: none."""
    if needs_code(config):
        return {"tasks": [], "own_code": True}
    return {"tasks": ["vision"]} if seeing else {}


def numbers_of(value: Any) -> dict[str, Any]:
    """What differs from the defaults; the family stands above."""
    told: dict[str, Any] = {}
    for item in fields(value):
        held, usual = getattr(value, item.name), item.default
        if item.name == "family" or (usual is not MISSING and held == usual):
            continue
        told[item.name] = numbers_of(held) if item.name == "tower" else held
    return told


def keep(desk: Desk, drafted: Draft) -> Added:
    """Writes it into the person's catalogue. Raises model-id-taken where another has its name."""
    path = desk.home.catalog / "models" / f"{drafted.model.id}.toml"
    if path.exists() and path.read_bytes() != drafted.text.encode():
        raise WizardError("model-id-taken", id=drafted.model.id, path=str(path))
    new = not path.exists()
    try:
        write_atomic(path, drafted.text)
    except OSError as error:
        told = {"path": str(path), "error": error.strerror or str(error)}
        raise WizardError("cannot-write-home", exit_code=ExitCode.FAILED, **told) from error
    return Added(model=drafted.model, path=path, new=new)
