"""`models download`: what a run's first stage does, without the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import plan as planning
from wizard import run as engine_room
from wizard.contract import Model
from wizard.errors import WizardError
from wizard.session import jobs
from wizard.session.jobs import HUB, Progress

if TYPE_CHECKING:
    from wizard.session.desk import Desk

UNPACKER = "trl"  # has what turns a bundled model into an ordinary one


def download(
    desk: Desk, model: Model, hub: str, progress: Progress, tell: Callable[[dict[str, Any]], None]
) -> tuple[Path, dict[str, Any]]:
    """Its folder, and what the stage says of it: source, revision, bytes, files. `hub`: "auto" or one of them."""
    if desk.pretend:
        raise WizardError("pretending", board=desk.pretend)
    sources = planning.sources_of(model, hub)
    bundled = sources[0].kind == "bundled"
    engines = [UNPACKER, sources[0].ref] if bundled else [HUB]
    places = [jobs.place(desk, engine) for engine in engines]
    folders = {place.environment.id: jobs.ready(desk, place, progress) for place in places}
    spec = {
        "model": model.id,
        "sources": [asdict(source) for source in sources],
        "folder": str(desk.home.models / model.id),
        "hub": hub,
    }
    desk.home.remember()
    done = engine_room.fetch(desk.home, places[0].engine, folders, spec, tell)
    return Path(done["outputs"]["model"]), dict(done["result"])
