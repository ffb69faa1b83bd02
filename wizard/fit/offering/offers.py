"""Every recipe with every model it suits, judged on this machine, best first."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from wizard.contract import Catalog, Machine, Verdict
from wizard.contract.sharing import least_cards
from wizard.fit.offering.alike import groups, likeness_of, of_another
from wizard.fit.offering.correct import Known
from wizard.fit.offering.inference import SENSIBLE_TOKEN
from wizard.fit.offering.judge import judge
from wizard.fit.offering.plain import ADVISED, PLAIN, is_plain, leads
from wizard.fit.offering.setting import Seen, suits

SENSIBLE_SECONDS = {"identity": 5 * 60.0}  # a first success, download included
SENSIBLE = 4 * 3600.0
COMFORTABLE = 0.9  # of what is free


def offers(
    machine: Machine,
    catalog: Catalog,
    task: str = "",
    model: str = "",
    home_disk: int | None = None,
    here: frozenset[str] = frozenset(),
    known: Known | None = None,
    terms: bool = True,
    leading: bool = False,
) -> tuple[Verdict, ...]:
    """Recipes for more cards than there are stay away: a model that wants them says so in its remedies.

    `leading`: only those that a first run is advised to take. `terms`: False leaves out what only a person reads, and
    seconds, disk and RAM of what no memory here holds; `judge` with a verdict's own knobs tells it.
    """
    given: dict[str, Any] = {
        "home_disk": home_disk,
        "here": here,
        "known": known,
        "terms": terms,
        "seen": Seen(brief=not terms),
    }
    wanted = [
        recipe
        for recipe in catalog.recipes.values()
        if task in ("", recipe.task)
        and (leads(recipe) or not leading)
        and least_cards(recipe) <= max(len(machine.gpus), 1)
    ]
    models = [each for each in catalog.models.values() if model in ("", each.id, each.architecture.family)]
    measured = known is not None and known.records  # a record is of one method alone
    likeness = {each.id: likeness_of(each, here) for each in models}
    found: list[Verdict] = []
    with uncollected():
        for same in [[recipe] for recipe in wanted] if measured else groups(wanted, catalog):
            judged: dict[object, Verdict] = {}
            for each in models:
                if suits(same[0], each):
                    kin = each.id if measured or terms else likeness[each.id]  # what would help names its relatives
                    if kin not in judged:
                        judged[kin] = judge(machine, catalog, same[0].id, each.id, **given)
                    found += [of_another(judged[kin], other, each, catalog) for other in same]
    ordered = sorted(found, key=lambda verdict: _rank(verdict, catalog))
    tasks = {verdict.task for verdict in ordered}
    best = {name: next((v for v in ordered if v.task == name and v.status != "no"), None) for name in tasks}
    return tuple(
        replace(verdict, recommended=True) if verdict is best[verdict.task] else verdict for verdict in ordered
    )


@contextmanager
def uncollected() -> Iterator[None]:
    """What a tape frees it counts; looking for cycles among it costs a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _rank(verdict: Verdict, catalog: Catalog) -> tuple[object, ...]:
    """Comfortable and sensible ones first, the largest model leading; what does not fit last, by its shortage."""
    size = -catalog.models[verdict.model].params
    if verdict.status == "no":
        return (5, verdict.card_bytes - verdict.capacity_bytes, size, verdict.recipe)
    method, plain = PLAIN.get(verdict.method, len(PLAIN)), is_plain(catalog.recipes[verdict.recipe])
    served = "serve" in verdict.engines or "serve" not in catalog.recipes[verdict.recipe].engines
    easy = verdict.status == "fits" and served and plain and method < ADVISED and _sensible(verdict)
    shelf = 0 if easy else 1 + (verdict.status != "fits") + 2 * (not leads(catalog.recipes[verdict.recipe]))
    gated = catalog.models[verdict.model].gated
    return (
        shelf,
        verdict.device == "cpu",
        gated and shelf == 0,
        shelf == 0 and not catalog.models[verdict.model].advised,
        len(verdict.gave_up) > 2,
        size,
        method,
        not plain,
        -verdict.knobs.n_gpus if verdict.knobs.zero_stage == 0 and not (verdict.knobs.fsdp or verdict.generator) else 0,
        verdict.recipe,
    )


def _sensible(verdict: Verdict) -> bool:
    if verdict.task == "serve" and verdict.step_seconds > SENSIBLE_TOKEN:
        return False
    quick = verdict.seconds <= SENSIBLE_SECONDS.get(verdict.task, SENSIBLE)
    return quick and verdict.safe_bytes <= COMFORTABLE * verdict.capacity_bytes
