"""What can be done today with what a run made yesterday: its model quantised or measured in a run of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.contract import Catalog, DataChoice, Plan, Verdict, writes
from wizard.errors import WizardError
from wizard.session.smaller import evaluable

if TYPE_CHECKING:
    from wizard.session.desk import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """The rows are those that it learnt from, where they are questions and answers, and so are the questions."""

    verdict: Verdict
    data: DataChoice
    questions: tuple[str, ...]


def ways(desk: Desk, run: str) -> tuple[str, ...]:
    """Of quantise and evaluate those that can be had here."""
    plan, catalog = desk.plan_of(run), desk.catalog()
    recipe = catalog.recipes.get(plan.choice.recipe)
    if recipe is None or not writes(recipe.trainer) or not (_recipe(catalog) and _model(desk, run, plan)):
        return ()
    apart = (Path(_model(desk, run, plan)) / "adapter").is_dir()
    base = catalog.models.get(plan.choice.model)
    measured = evaluable(catalog, desk.machine(), recipe, base)
    found = {"quantise": bool(catalog.formats) and not apart, "evaluate": measured}
    return tuple(name for name, can in found.items() if can)


def onward(desk: Desk, run: str) -> Onward:
    """Raises WizardError run-made-nothing, and what reading the model's folder does."""
    plan = desk.plan_of(run)
    recipe, model = _recipe(desk.catalog()), _model(desk, run, plan)
    if not (recipe and model):
        raise WizardError("run-made-nothing", run=run)
    verdict = desk.judge(recipe, desk.models.named(model))
    data, report = plan.choice.data, desk.report_on(plan.choice)
    if report and desk.unsuited(report, verdict.task, data.ref):
        data = DataChoice(kind="none", ref="")  # rows of another shape than a question and an answer
    return Onward(verdict=verdict, data=data, questions=plan.choice.questions)


def _recipe(catalog: Catalog) -> str:
    """The one that trains nothing."""
    recipes = catalog.recipes.values()
    return next((recipe.id for recipe in recipes if not catalog.methods[recipe.method].trains), "")


def _model(desk: Desk, run: str, plan: Plan) -> str:
    """The folder of what was merged; where nothing was trained, the model itself."""
    if all(stage.name != "train" for stage in plan.stages):
        return plan.choice.model
    return desk.outcome(run).paths.get("merged", "")
