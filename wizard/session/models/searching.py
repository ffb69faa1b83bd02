"""Models by words: here, in the catalogue, and on the hubs that answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard import fit
from wizard.contract import Catalog, Model
from wizard.errors import WizardError
from wizard.session.jobs import HUB, Progress, job
from wizard.session.models import shelf
from wizard.session.models.shelf import Held

if TYPE_CHECKING:
    from wizard.session.desk import Desk

MOST = 20  # of each hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`hubs`: rows {"ref", "downloads", "gated"} of those that were asked and answered; `silent`: why not, of the
    others, as the code of a cause; `nearest`: where nothing was found."""

    models: tuple[Model, ...]
    held: Mapping[str, Held]
    hubs: Mapping[str, tuple[Mapping[str, Any], ...]]
    silent: Mapping[str, str]
    nearest: str = ""


def search(desk: Desk, words: str, progress: Progress) -> Found:
    """Without words: all of the catalogue, and no hub is asked."""
    catalog = desk.catalog()
    models = tuple(model for model in catalog.models.values() if matches(model, words))
    found, silent = _on_hubs(desk, words, progress) if words else ({}, {})
    known = {source.ref for model in models for source in model.sources}
    hubs = {hub: tuple(row for row in rows if row["ref"] not in known) for hub, rows in found.items()}
    on_hubs = any(found.values())
    return Found(
        models=models,
        held={each.id: each for each in shelf.held(desk.home)},
        hubs=hubs,
        silent=silent,
        nearest="" if models or on_hubs else nearest(catalog, words),
    )


def matches(model: Model, words: str) -> bool:
    """Every word in an id, the title or the family."""
    names = [model.id, model.title, model.architecture.family, *(source.ref for source in model.sources)]
    text = " ".join(names).casefold()
    return all(word in text for word in words.casefold().split())


def nearest(catalog: Catalog, words: str) -> str:
    families = {model.architecture.family for model in catalog.models.values()}
    return fit.nearest(words.strip().rpartition("/")[2].casefold(), [*catalog.models, *sorted(families)])


def _on_hubs(desk: Desk, words: str, progress: Progress) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    answered = desk.hubs()
    heard = [hub for hub, seconds in answered.items() if seconds is not None]
    silent = {hub: "hub-unreachable" for hub in answered if hub not in heard}
    if not heard:
        return {}, silent
    try:
        order = {"words": words, "hubs": heard, "limit": MOST}
        answer = next(job(desk, HUB, "search", [order], progress))
    except WizardError as error:  # what is here is told all the same
        return {}, silent | dict.fromkeys(heard, error.problem.code)
    return dict(answer["found"]), silent | dict(answer["failed"])
