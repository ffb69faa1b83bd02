"""Our own simulations as kept in tests/data/simulated, and the peak that was seen in each.

A grid of models with settings in peaks.jsonl; in kinds.jsonl the smallest model of the catalogue of every other kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby, product
from pathlib import Path
from typing import Any, NamedTuple

from tests.unit.catalog.published import published
from wizard.catalog import builtin, load
from wizard.fit.asking.cases import step_of_case
from wizard.fit.memory.step import Step

FOLDER = Path(__file__).parents[2] / "data" / "simulated"
KIND_SETTINGS = ("ours", "lora-nockpt", "full-ckpt-fused", "qlora")


class Seen(NamedTuple):
    model: str
    setting: str
    peak_bytes: int
    moment: str


def lines(name: str) -> Iterator[dict[str, Any]]:
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


@cache
def models() -> Mapping[str, Mapping[str, Any]]:
    """Config by name."""
    return {line["model"]: line["config"] for line in lines("models")}


@cache
def settings() -> Mapping[str, Mapping[str, Any]]:
    """Keys of a case by name."""
    return {line["setting"]: line["case"] for line in lines("settings")}


@cache
def peaks(name: str = "peaks") -> tuple[Seen, ...]:
    return tuple(Seen(**line) for line in lines(name))


def grid() -> list[tuple[str, str]]:
    return list(product(models(), settings()))


def kinds() -> list[tuple[str, str]]:
    """Of models that transformers can build, as their authors' configs have them."""
    catalogue, known = load([builtin()]).models, {config["model_type"] for config in models().values()}
    built = [catalogue[name] for entry in published() if not entry.counted_only for name in entry.models]
    ordered = sorted(built, key=lambda model: (model.architecture.kind, model.params))
    smallest = {kind: next(group).id for kind, group in groupby(ordered, lambda model: model.architecture.kind)}
    return list(product([name for kind, name in smallest.items() if kind not in known], KIND_SETTINGS))


@cache
def config(model: str) -> Mapping[str, Any]:
    by_id = {name: entry.config for entry in published() for name in entry.models}
    return models().get(model) or by_id[model]


@cache
def step(model: str, setting: str) -> Step:
    return step_of_case({"config": config(model), **settings()[setting]})


def steps() -> Iterator[tuple[str, Step]]:
    for pair in grid():
        yield " ".join(pair), step(*pair)
