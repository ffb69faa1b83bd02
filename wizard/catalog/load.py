"""Reads every file of the catalogue; a bad one disables itself with a Problem, never the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard import strict
from wizard.catalog.models import Family, models_of
from wizard.catalog.places import File, files
from wizard.catalog.references import drop_dangling
from wizard.contract import Benchmark, Board, Catalog, Dataset, Engine, Format, Method, Model, Problem, Recipe

KINDS: Mapping[str, type] = {
    "": Recipe,
    "models": Family,
    "methods": Method,
    "engines": Engine,
    "datasets": Dataset,
    "formats": Format,
    "benchmarks": Benchmark,
    "boards": Board,
}
Loaded = dict[str, dict[str, Any]]


def load(folders: Sequence[Path]) -> Catalog:
    """Built-in folder first; a later folder's file of the same relative path takes its place."""
    loaded: Loaded = {drawer: {} for drawer in KINDS}
    origin: dict[tuple[str, str], File] = {}
    problems: list[Problem] = []
    for file in files(folders):
        values, found = read_file(file)
        problems += found
        for key in [
            key for key, old in origin.items() if not found and (old.drawer, old.name) == (file.drawer, file.name)
        ]:
            del origin[key], loaded[key[0]][key[1]]
        for id, value in values.items():
            if (file.drawer, id) in origin:
                params = {"file": file.shown, "id": id, "other": origin[file.drawer, id].name}
                problems.append(Problem(code="catalog-twice", params=params))
                continue
            origin[file.drawer, id] = file
            loaded[file.drawer][id] = value
    recipes, dangling = drop_dangling(loaded, origin)
    return Catalog(
        recipes=recipes,
        models=loaded["models"],
        methods=loaded["methods"],
        engines=loaded["engines"],
        datasets=loaded["datasets"],
        formats=loaded["formats"],
        benchmarks=loaded["benchmarks"],
        boards=loaded["boards"],
        problems=(*problems, *dangling),
    )


def read_file(file: File) -> tuple[Mapping[str, Any], tuple[Problem, ...]]:
    try:
        text = file.path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return {}, (Problem(code="catalog-unreadable", params={"file": file.shown, "detail": str(error)}),)
    if file.drawer == "models":
        return read_models(text, file.shown, yours=file.yours)
    kind = KINDS[file.drawer]
    fixed: dict[str, Any] = {"id": file.id}
    if "yours" in kind.__dataclass_fields__:  # type: ignore[attr-defined]
        fixed["yours"] = file.yours
    value, problems = strict.read(kind, text, file.shown, **fixed)
    return ({file.id: value} if value is not None else {}), problems


def read_models(text: str, file: str, *, yours: bool) -> tuple[Mapping[str, Model], tuple[Problem, ...]]:
    family, problems = strict.read(Family, text, file)
    return (models_of(family, yours=yours) if family else {}), problems
