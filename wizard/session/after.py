"""What a person wants done with the model before it is served, as further stages of the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wizard import strict
from wizard.contract import Catalog, Choice, Format
from wizard.errors import WizardError

Capability = tuple[int, int]


def widened(catalog: Catalog, choice: Choice, card: Capability | None = None) -> Catalog:
    """The catalogue whose recipe has a stage for each wish, only servers that load what is written, and of the formats
    the chosen one alone: the forecasts are of it. `card`: what the weakest card here can.

    Raises WizardError unknown-format, format-unread, and what `hold_sense` does.
    """
    recipe = catalog.recipes.get(choice.recipe)
    if recipe is None:
        return catalog
    hold_sense(choice, trains=catalog.methods[recipe.method].trains)
    if not (choice.quantise or choice.evaluate):
        return catalog
    engines, formats = dict(recipe.engines), catalog.formats
    if choice.quantise:
        format = named(catalog, choice.quantise)
        formats = {format.id: format}
        engines["quantise"] = (format.engine,)
        engines["serve"] = tuple(readers(format, engines.get("serve", ()), card))
        if choice.serve and not engines["serve"]:
            raise WizardError("format-unread", format=format.id, engines=", ".join(recipe.engines.get("serve", ())))
    if choice.evaluate:
        engines["evaluate"] = of_kind(catalog, "evaluate")
    if choice.data.kind != "none" and "prepare" not in engines:
        engines["prepare"] = of_kind(catalog, "prepare")
    recipes = {**catalog.recipes, recipe.id: replace(recipe, engines=engines)}
    return replace(catalog, recipes=recipes, formats=formats)


def hold_sense(choice: Choice, *, trains: bool) -> None:
    """Raises WizardError data-needed, nothing-to-do."""
    if trains and choice.data.kind == "none":
        raise WizardError("data-needed", recipe=choice.recipe)
    if not (trains or choice.serve or choice.quantise or choice.evaluate):
        raise WizardError("nothing-to-do", recipe=choice.recipe)


def of_kind(catalog: Catalog, kind: str) -> tuple[str, ...]:
    return tuple(name for name, engine in catalog.engines.items() if kind in engine.kinds)


def named(catalog: Catalog, format: str) -> Format:
    if format not in catalog.formats:
        raise WizardError("unknown-format", name=format, nearest=strict.nearest(format, catalog.formats))
    return catalog.formats[format]


def readers(format: Format, engines: tuple[str, ...], card: Capability | None = None) -> Iterator[str]:
    """Of these engines those that load it on such a card."""
    for name in engines:
        reader = format.readers.get(name)
        low = reader.min_capability if reader else None
        if reader and reader.status != "refused" and (card is None or low is None or low <= card):
            yield name
