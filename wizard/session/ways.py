"""What a recipe is called in a row of offers, and which of a model's recipes stands for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wizard import fit
from wizard.contract import Catalog, Recipe, Verdict
from wizard.fit import leads as leads
from wizard.words import known, say


def way(recipe: Recipe, catalog: Catalog) -> str:
    """The method; before it the objective, where a task has several: `SimPO, LoRA`."""
    if not catalog.methods[recipe.method].trains:
        return say("way.as_it_is")
    title = catalog.methods[recipe.method].title
    aim = objective(recipe)
    return say("objective.with", objective=say(f"objective.{aim}"), method=title) if aim else title


def objective(recipe: Recipe) -> str:
    """A key of words, empty where the task says it already."""
    if recipe.settings.get("importance_sampling_level") == "sequence":
        return "gspo"
    named = (str(recipe.settings.get("loss_type", "")), recipe.trainer)
    return next((name for name in named if name and known(f"objective.{name}")), "")


def one_a_model(verdicts: Sequence[Verdict], catalog: Catalog) -> tuple[Verdict, ...]:
    """Of verdicts that come best first, each model's: a leading recipe where one fits, else any that does."""
    best: dict[str, Verdict] = {}
    for verdict in verdicts:
        held = best.get(verdict.model)
        if held is None or worth(verdict, catalog) < worth(held, catalog):
            best[verdict.model] = verdict
    return tuple(verdict for verdict in verdicts if best[verdict.model] is verdict)


def worth(verdict: Verdict, catalog: Catalog) -> tuple[bool, bool]:
    return verdict.status == "no", not leads(catalog.recipes[verdict.recipe])


def leading_first(recipes: Iterable[Recipe]) -> tuple[Recipe, ...]:
    """As they are offered to choose from: those that a first run is advised to take, then the others by name."""
    return tuple(sorted(recipes, key=lambda recipe: (fit.order(recipe), recipe.id)))
