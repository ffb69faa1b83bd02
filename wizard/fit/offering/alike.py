"""Recipes and models that take the same memory, time and disk: the first of them is judged, and the others are told the
same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from wizard.contract import Catalog, Knobs, Model, Recipe, Verdict
from wizard.fit.offering.engines import renamed
from wizard.fit.offering.recipe_step import projected_by, size_of, targets_of, tuner_of

INDIFFERENT = ("alpha", "learning_rate", "seed", "save_steps")  # knobs that neither memory nor time depends on


def groups(recipes: Sequence[Recipe], catalog: Catalog) -> Iterator[list[Recipe]]:
    found: dict[object, list[Recipe]] = {}
    for recipe in recipes:
        found.setdefault(shape_of(recipe, catalog), []).append(recipe)
    yield from found.values()


def shape_of(recipe: Recipe, catalog: Catalog) -> object:
    method = catalog.methods[recipe.method]
    return (
        recipe.task, recipe.trainer, _frozen(recipe.settings), _frozen(recipe.engines), recipe.models,
        recipe.accelerators, recipe.datasets, _sized(recipe.knobs), tuple(map(_frozen, recipe.ladder)),
        method.trainable, method.base, method.tuner == "lisa", tuner_of(method), size_of(method, recipe.knobs),
        targets_of(method, recipe.knobs), method.dora, method.arguments.get("optim"),
        projected_by(method, recipe.knobs),
    )  # fmt: skip


def likeness_of(model: Model, here: frozenset[str]) -> object:
    """All of a model that a verdict depends on, but for its name. `here`: what is fetched already."""
    source = model.sources[0] if model.sources else None
    carriers = tuple(each.ref for each in model.sources if each.kind == "bundled")
    size = (source.kind, source.bytes) if source else ()
    whole = replace(model.architecture, family="")
    return whole, model.params, model.modality, model.max_len, model.held, size, carriers, model.id in here


def of_another(verdict: Verdict, recipe: Recipe, model: Model, catalog: Catalog) -> Verdict:
    """As it was judged of a recipe and a model that are alike."""
    if (recipe.id, model.id) == (verdict.recipe, verdict.model):
        return verdict
    names = {"model": model.title}
    own = _own(recipe.knobs) if recipe.id != verdict.recipe else {}
    if recipe.method != verdict.method:
        names["method"] = catalog.methods[recipe.method].title
    return replace(
        verdict,
        recipe=recipe.id,
        model=model.id,
        method=recipe.method,
        knobs=replace(verdict.knobs, **own) if own else verdict.knobs,
        reason=verdict.reason and renamed(verdict.reason, **names),
        also=tuple(renamed(each, **names) for each in verdict.also),
        engine_notes=tuple(renamed(each, **names) for each in verdict.engine_notes),
        case={**verdict.case, "method": recipe.method, "model": model.id},
    )


def _own(knobs: Knobs) -> dict[str, Any]:
    return {name: getattr(knobs, name) for name in INDIFFERENT}


def _sized(knobs: Knobs) -> Knobs:
    return replace(knobs, **_own(Knobs()))


def _frozen(told: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((key, repr(value)) for key, value in told.items())
