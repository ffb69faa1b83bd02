"""What a person wants done with the trained model before it is served, as further stages of the recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from wizard import strict
from wizard.contract import Catalog, Choice, Format
from wizard.errors import ExitCode, WizardError
from wizard.plan.specs import copy_of

HUBS = {"lm-eval": "huggingface", "evalscope": "modelscope"}  # where each tool has its questions from
UNREAD = ("vision",)  # trainers whose rows the evaluation does not read
HEADED = ("classification", "embedding", "reranker", "reward")  # trainers of models that do not write


def widened(catalog: Catalog, choice: Choice) -> Catalog:
    """The catalogue whose recipe has a stage for each wish, and only servers that load what is written. Raises
    WizardError unknown-format, format-unread (no engine of the recipe loads it)."""
    recipe = catalog.recipes.get(choice.recipe)
    if recipe is None or not (choice.quantise or choice.evaluate or choice.benchmarks):
        return catalog
    engines = dict(recipe.engines)
    if choice.quantise:
        format = named(catalog, choice.quantise)
        engines["quantise"] = (format.engine,)
        engines["serve"] = tuple(readers(format, engines.get("serve", ())))
        if choice.serve and not engines["serve"]:
            raise WizardError("format-unread", format=format.id, engines=", ".join(recipe.engines.get("serve", ())))
    if choice.evaluate or choice.benchmarks:
        refuse(catalog, choice)
        engines["evaluate"] = tuple(name for name, engine in catalog.engines.items() if "evaluate" in engine.kinds)
    return replace(catalog, recipes={**catalog.recipes, recipe.id: replace(recipe, engines=engines)})


def refuse(catalog: Catalog, choice: Choice) -> None:
    """Raises WizardError evaluate-not-for (no module reads such rows), unknown-benchmark, benchmark-not-for (it asks
    what only a model that writes can answer)."""
    trainer = catalog.recipes[choice.recipe].trainer
    if trainer in UNREAD:
        raise WizardError("evaluate-not-for", trainer=trainer)
    for name in choice.benchmarks:
        if name not in catalog.benchmarks:
            near = strict.nearest(name, catalog.benchmarks)
            raise WizardError("unknown-benchmark", name=name, nearest=near, known=", ".join(catalog.benchmarks))
        if trainer in HEADED:
            raise WizardError("benchmark-not-for", name=name, trainer=trainer)


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


def readers(format: Format, engines: tuple[str, ...]) -> Iterator[str]:
    """Of these engines those that load it, those where that was seen first."""
    able = [name for name in engines if name in format.readers and format.readers[name].status != "refused"]
    yield from sorted(able, key=lambda name: format.readers[name].status != "run")
