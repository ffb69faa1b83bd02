"""Every format that a model may be written in before it is served: who loads it here, or why it cannot be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wizard import fit
from wizard.contract import Catalog, Format, Machine, Model, Recipe, Verdict
from wizard.errors import WizardError
from wizard.session import after
from wizard.words import pick, problem, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Smaller:
    """A format, and in one line how it is known that it can be had here, or why it cannot."""

    format: Format
    able: bool
    told: str


Judged = Callable[[str], Verdict]


def offered(
    catalog: Catalog, machine: Machine, recipe: str, model: str, judged: Judged, *, rows: bool, serve: bool
) -> tuple[Smaller, ...]:
    """Those that can be had first; of each why, or why not. `judged`: what a plan with such a format is judged as."""
    own, of = catalog.recipes[recipe], catalog.models[model]
    found = [_offered(catalog, machine, own, of, format, judged, rows, serve) for format in catalog.formats.values()]
    return tuple(sorted(found, key=lambda each: not each.able))


def evaluable(catalog: Catalog, machine: Machine, recipe: Recipe, model: Model | None) -> bool:
    """Whether anything here measures what the recipe makes of it. `model`: None where the catalogue has it no more."""
    if model and after.unmeasured(recipe.trainer, model):
        return False
    return any(not _lacks(catalog, name, machine) for name in after.of_kind(catalog, "evaluate"))


def _offered(
    catalog: Catalog,
    machine: Machine,
    recipe: Recipe,
    model: Model,
    format: Format,
    judged: Judged,
    rows: bool,
    serve: bool,
) -> Smaller:
    if fault := _unwritable(catalog, machine, format, rows) or _unsuited(catalog, recipe, model, format):
        return Smaller(format=format, able=False, told=fault)
    here = tuple(name for name in after.servers(recipe, format, catalog) if not _lacks(catalog, name, machine))
    group = fit.group_of(model.architecture, format.groups)
    able = next(after.readers(format, here, fit.capability(machine), group), "")
    if serve and not able:
        return Smaller(format=format, able=False, told=_unread(catalog, format, here))
    verdict = judged(format.id)  # writer and reader may run here, each on another device
    if verdict.status == "no" and verdict.reason:
        return Smaller(format=format, able=False, told=problem(verdict.reason.code, verdict.reason.params)["what"])
    name = verdict.engines.get("serve", able)
    if not name:
        return Smaller(format=format, able=True, told=_unread(catalog, format, here))
    told = say("wish.read_by", engine=catalog.engines[name].title, told=pick(format.readers[name].told))
    return Smaller(format=format, able=True, told=told)


def _unwritable(catalog: Catalog, machine: Machine, format: Format, rows: bool) -> str:
    if format.engine not in catalog.engines:
        return say("wish.no_writer", engine=format.engine)
    if lacks := _lacks(catalog, format.engine, machine):
        return lacks
    return say("wish.needs_rows") if format.calibrated and not rows else ""


def _unsuited(catalog: Catalog, recipe: Recipe, model: Model, format: Format) -> str:
    try:
        after.hold_possible(format, recipe, model.id, catalog)
    except WizardError as error:
        return problem(error.problem.code, error.problem.params)["what"]
    return ""


def _lacks(catalog: Catalog, engine: str, machine: Machine) -> str:
    """Why it runs neither on the cards nor on the CPU; nothing where it does on one of them."""
    kinds = dict.fromkeys((fit.accelerator(machine), "cpu"))
    faults = [fit.reasons_engine_cannot_run(catalog.engines[engine], machine, kind) for kind in kinds]
    if not all(faults):
        return ""
    first = faults[0][0]
    told = problem(first.code, first.params)
    return say("view.recipe.why_not", what=told["what"], why=told["why"])


def _unread(catalog: Catalog, format: Format, here: tuple[str, ...]) -> str:
    """Of the engines that serve here the first that has anything to say to it."""
    for name in here:
        if reader := format.readers.get(name):
            if reader.status == "refused":
                return say("wish.read_by", engine=catalog.engines[name].title, told=pick(reader.told))
            needed = "{}.{}".format(*(reader.min_capability or (0, 0)))
            return say("wish.needs_card", engine=catalog.engines[name].title, capability=needed)
    return say("wish.unread")
