"""What a person wants done with the model before it is served, as further stages of the recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wizard import fit, strict
from wizard.contract import HEADS, Catalog, Choice, Format, Model, Recipe, writes
from wizard.errors import ExitCode, WizardError
from wizard.plan.specs import copy_of

HUBS = {"lm-eval": "huggingface", "evalscope": "modelscope"}  # where each tool has its questions from

COUNTS = ("num_generations", "max_completion_length", "vllm_tensor_parallel_size")  # settings that a forecast reads
FORMED = ("quantise", "serve")  # stages whose engines depend on the format
Capability = tuple[int, int]


def widened(catalog: Catalog, choice: Choice, card: Capability | None = None) -> Catalog:
    """The catalogue whose recipe has a stage for each wish, only servers that load what is written, none where nothing
    is to be served, and of the formats the chosen one alone: the forecasts are of it. `card`: what the weakest card
    here can.

    Raises WizardError unknown-format, format-not-for-task, format-not-for-model, format-needs-rows, format-unread, and
    what `hold_sense` does.
    """
    recipe = catalog.recipes.get(choice.recipe)
    if recipe is None:
        return catalog
    hold_sense(choice, trains=catalog.methods[recipe.method].trains)
    if choice.serve and not (choice.quantise or choice.evaluate or choice.benchmarks):
        return catalog
    engines, formats = dict(recipe.engines), catalog.formats
    if choice.quantise:
        format = named(catalog, choice.quantise)
        hold_possible(format, recipe, choice.model, catalog)
        if format.calibrated and choice.data.kind == "none":
            raise WizardError("format-needs-rows", format=format.id)
        formats = {format.id: format}
        engines["quantise"] = (format.engine,)
        group = fit.group_of(catalog.models[choice.model].architecture, format.groups)
        engines["serve"] = tuple(readers(format, servers(recipe, format, catalog), card, group))
        if choice.serve and not engines["serve"]:
            raise WizardError("format-unread", format=format.id, engines=", ".join(servers(recipe, format, catalog)))
    if choice.evaluate or choice.benchmarks:
        refuse(catalog, choice)
        engines["evaluate"] = of_kind(catalog, "evaluate")
    if not choice.serve:
        engines.pop("serve", None)
    if choice.data.kind != "none" and "prepare" not in engines:
        engines["prepare"] = of_kind(catalog, "prepare")
    recipes = {**catalog.recipes, recipe.id: replace(recipe, engines=engines)}
    return replace(catalog, recipes=recipes, formats=formats)


def with_settings(catalog: Catalog, recipe_id: str, settings: Mapping[str, Any]) -> Catalog:
    """The catalogue whose recipe has the settings of a run config: how many answers there are to a question, how long
    they may be. Raises setting-no-count."""
    recipe = catalog.recipes.get(recipe_id)
    if recipe is None or not settings:
        return catalog
    for name in COUNTS:
        value = settings.get(name, 1)
        if type(value) is not int or value < 1:
            raise WizardError("setting-no-count", name=name, found=str(value))
    asked = replace(recipe, settings={**recipe.settings, **settings})
    return replace(catalog, recipes={**catalog.recipes, recipe.id: asked})


def fitting(engines: Mapping[str, str], choice: Choice, catalog: Catalog) -> dict[str, str]:
    """Engines that a file names, without those of another format than the one that is asked for now. `catalog`:
    widened for the choice."""
    if not choice.quantise:
        return dict(engines)
    able = catalog.recipes[choice.recipe].engines
    return {stage: name for stage, name in engines.items() if stage not in FORMED or name in able.get(stage, ())}


def hold_sense(choice: Choice, *, trains: bool) -> None:
    """Raises WizardError data-needed, nothing-to-do."""
    if trains and choice.data.kind == "none":
        raise WizardError("data-needed", recipe=choice.recipe)
    if not (trains or choice.serve or choice.quantise or choice.evaluate or choice.benchmarks):
        raise WizardError("nothing-to-do", recipe=choice.recipe)


def of_kind(catalog: Catalog, kind: str) -> tuple[str, ...]:
    return tuple(name for name, engine in catalog.engines.items() if kind in engine.kinds)


def refuse(catalog: Catalog, choice: Choice) -> None:
    """Raises WizardError evaluate-held, evaluate-not-for (no module reads such rows), unknown-benchmark,
    benchmark-not-for (it asks what only a model that writes can answer)."""
    trainer = catalog.recipes[choice.recipe].trainer
    if unread := unmeasured(trainer, catalog.models[choice.model]):
        raise unread
    for name in choice.benchmarks:
        if name not in catalog.benchmarks:
            near = strict.nearest(name, catalog.benchmarks)
            raise WizardError("unknown-benchmark", name=name, nearest=near, known=", ".join(catalog.benchmarks))
        if trainer in HEADS:
            raise WizardError("benchmark-not-for", name=name, trainer=trainer)


def unmeasured(trainer: str, model: Model) -> WizardError | None:
    """Why no evaluation takes what this trainer makes of the model."""
    if model.held:
        return WizardError("evaluate-held", model=model.title, held=model.held.upper())
    if trainer == "vision" or "image" in model.modality:
        return WizardError("evaluate-not-for", trainer=trainer)
    return None


def questions_here(
    choice: Choice, catalog: Catalog, store: Path, hubs: Callable[[], Mapping[str, float | None]]
) -> None:
    """Before hours of training. Raises benchmark-no-copy where a benchmark's questions are neither here nor to be had;
    the hubs are asked only if one lacks its copy."""
    lacking = [name for name in choice.benchmarks if not Path(copy_of(str(store), name)).is_dir()]
    answered = hubs() if lacking else {}
    for each in (catalog.benchmarks[name] for name in lacking):
        if answered.get(HUBS[each.tool]) is None:
            told = {"benchmark": each.id, "data": each.data, "path": copy_of(str(store), each.id)}
            raise WizardError("benchmark-no-copy", hub=HUBS[each.tool], exit_code=ExitCode.FAILED, **told)


def named(catalog: Catalog, format: str) -> Format:
    if format not in catalog.formats:
        raise WizardError("unknown-format", name=format, nearest=strict.nearest(format, catalog.formats))
    return catalog.formats[format]


def hold_possible(format: Format, recipe: Recipe, model_id: str, catalog: Catalog) -> None:
    """Before anything is trained for nothing."""
    apart = recipe.merge == "apart" or catalog.methods[recipe.method].tuner == "adapter"
    model = catalog.models[model_id]
    if not writes(recipe.trainer) or apart or "image" in model.modality:
        raise WizardError("format-not-for-task", format=format.id, recipe=recipe.id)
    blocks = format.maker == "llmcompressor" and format.groups
    if (format.groups and not fit.group_of(model.architecture, format.groups)) or (
        blocks and not fit.whole_blocks(model.architecture, format.groups[-1])
    ):
        raise WizardError("format-not-for-model", format=format.id, model=model.title, group=format.groups[-1])


def servers(recipe: Recipe, format: Format, catalog: Catalog) -> tuple[str, ...]:
    """The recipe's own, then those that know such formats by themselves."""
    knowing = [name for name, engine in catalog.engines.items() if {"quantise", "serve"} <= {*engine.kinds}]
    own = recipe.engines.get("serve", ())
    return (*own, *(name for name in knowing if name in format.readers and name not in own))


def readers(format: Format, engines: tuple[str, ...], card: Capability | None = None, group: int = 0) -> Iterator[str]:
    """Of these engines those that load it on such a card, in groups of so many."""
    for name in engines:
        reader = format.readers.get(name)
        if reader is None or reader.status == "refused" or (reader.group and reader.group != group):
            continue
        low, high = reader.min_capability, reader.max_capability
        if card is None or ((low is None or low <= card) and (high is None or card <= high)):
            yield name
