"""What a person wants done with the trained model before it is served, as further stages of the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wizard import strict
from wizard.contract import Catalog, Choice, Format
from wizard.errors import WizardError


def widened(catalog: Catalog, choice: Choice) -> Catalog:
    """The catalogue whose recipe has a stage for each wish, and only servers that load what is written. Raises
    WizardError unknown-format, format-unread (no engine of the recipe loads it)."""
    recipe = catalog.recipes.get(choice.recipe)
    if recipe is None or not (choice.quantise or choice.evaluate):
        return catalog
    engines = dict(recipe.engines)
    if choice.quantise:
        format = named(catalog, choice.quantise)
        engines["quantise"] = (format.engine,)
        engines["serve"] = tuple(readers(format, engines.get("serve", ())))
        if choice.serve and not engines["serve"]:
            raise WizardError("format-unread", format=format.id, engines=", ".join(recipe.engines.get("serve", ())))
    if choice.evaluate:
        engines["evaluate"] = tuple(name for name, engine in catalog.engines.items() if "evaluate" in engine.kinds)
    return replace(catalog, recipes={**catalog.recipes, recipe.id: replace(recipe, engines=engines)})


def named(catalog: Catalog, format: str) -> Format:
    if format not in catalog.formats:
        raise WizardError("unknown-format", name=format, nearest=strict.nearest(format, catalog.formats))
    return catalog.formats[format]


def readers(format: Format, engines: tuple[str, ...]) -> Iterator[str]:
    """Of these engines those that load it, those where that was seen first."""
    able = [name for name in engines if name in format.readers and format.readers[name].status != "refused"]
    yield from sorted(able, key=lambda name: format.readers[name].status != "run")
