"""What can be had now: a model that is not here needs a hub that answers."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from wizard.contract import Catalog, Model, Problem, Verdict

Hubs = Mapping[str, float | None]  # as `Desk.hubs` answers; empty where downloads are switched off


def out_of_reach(catalog: Catalog, here: Container[str], hubs: Hubs | None) -> frozenset[str]:
    """Ids of models. `hubs`: None before they were asked, and then they are taken to answer."""
    if hubs is None:
        return frozenset()
    places = {"bundled", "path", *(hub for hub, seconds in hubs.items() if seconds is not None)}
    return frozenset(model.id for model in catalog.models.values() if model.id not in here and _far(model, places))


def _far(model: Model, places: Container[str]) -> bool:
    return bool(model.sources) and not any(source.kind in places for source in model.sources)


def marked(verdict: Verdict, far: Container[str]) -> Verdict:
    needs_hub = verdict.model in far
    return verdict if verdict.needs_hub == needs_hub else replace(verdict, needs_hub=needs_hub)


def ordered(verdicts: Sequence[Verdict], far: Container[str]) -> tuple[Verdict, ...]:
    """What can be had before what cannot, each as it was ordered; only what can be had is recommended."""
    told = sorted((marked(verdict, far) for verdict in verdicts), key=_shelf)
    best = {verdict.task: verdict for verdict in reversed(told) if _shelf(verdict) == 0}
    return tuple(_recommended(verdict, verdict is best.get(verdict.task)) for verdict in told)


def _shelf(verdict: Verdict) -> int:
    return 2 if verdict.status == "no" else 1 if verdict.needs_hub else 0


def _recommended(verdict: Verdict, best: bool) -> Verdict:
    return verdict if verdict.recommended == best else replace(verdict, recommended=best)


def warnings(verdict: Verdict, catalog: Catalog) -> tuple[Problem, ...]:
    if not verdict.needs_hub:
        return ()
    model = catalog.models[verdict.model]
    kinds = dict.fromkeys(source.kind for source in model.sources)
    tried = [{"hub": kind, "code": "hub-unreachable"} for kind in kinds]
    return (Problem(code="model-out-of-reach", params={"model": model.title, "tried": tried}),)
