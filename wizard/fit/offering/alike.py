"""Recipes that take the same memory, time and disk: the first of them is judged, and the others are told the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from wizard.contract import Catalog, Knobs, Recipe, Verdict
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


def of_another(verdict: Verdict, recipe: Recipe, catalog: Catalog) -> Verdict:
    """As it was judged of one that is alike."""
    own = {name: getattr(recipe.knobs, name) for name in INDIFFERENT}
    title = catalog.methods[recipe.method].title

    def renamed(problem: object) -> object:
        params = getattr(problem, "params", {})
        return replace(problem, params={**params, "method": title}) if "method" in params else problem  # type: ignore[type-var]

    return replace(
        verdict,
        recipe=recipe.id,
        method=recipe.method,
        knobs=replace(verdict.knobs, **own),
        reason=renamed(verdict.reason),  # type: ignore[arg-type]
        also=tuple(map(renamed, verdict.also)),  # type: ignore[arg-type]
        case={**verdict.case, "method": recipe.method},
    )


def _sized(knobs: Knobs) -> Knobs:
    usual = Knobs()
    return replace(knobs, **{name: getattr(usual, name) for name in INDIFFERENT})


def _frozen(told: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((key, repr(value)) for key, value in told.items())
