"""A recipe that names something the catalogue lacks, or a loss that its trainer lacks, is disabled, with the nearest
name there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from wizard import strict
from wizard.catalog.places import File
from wizard.contract import Knobs, Problem, Recipe
from wizard.contract.trainers import misspelt

OPEN = ("*", "yours", "gptq", "awq")
KNOBS = tuple(item.name for item in fields(Knobs))


def drop_dangling(
    loaded: Mapping[str, Mapping[str, Any]], origin: Mapping[tuple[str, str], File]
) -> tuple[Mapping[str, Recipe], tuple[Problem, ...]]:
    good: dict[str, Recipe] = {}
    problems: list[Problem] = []
    for id, recipe in loaded[""].items():
        found = list(dangling(recipe, loaded, origin["", id].shown))
        problems += found
        if not found:
            good[id] = recipe
    return good, tuple(problems)


def dangling(recipe: Recipe, loaded: Mapping[str, Mapping[str, Any]], file: str) -> Iterator[Problem]:
    families = {model.architecture.family for model in loaded["models"].values()}
    engines = {engine for names in recipe.engines.values() for engine in names}
    wanted = [
        ("method", [recipe.method], loaded["methods"]),
        ("engines", sorted(engines), loaded["engines"]),
        ("models", [name for name in recipe.models if name not in OPEN], {*loaded["models"], *families}),
        ("datasets", recipe.datasets, loaded["datasets"]),
        ("ladder", sorted({knob for rung in recipe.ladder for knob in rung}), KNOBS),
    ]
    for key, names, known in wanted:
        for name in names:
            if name not in known:
                params = {"file": file, "key": key, "name": name, "nearest": strict.nearest(name, known)}
                yield Problem(code="catalog-unknown-name", params=params)
    for key, told, words in misspelt(recipe.trainer, recipe.settings):
        near = strict.nearest(told, words)
        params = {"file": file, "key": key, "found": told, "known": ", ".join(words), "nearest": near}
        yield Problem(code="catalog-setting-misspelt", params=params)
