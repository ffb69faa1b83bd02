"""Our own simulations as kept in tests/data/simulated: every model with every setting, and the peak that was seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from wizard.fit.cases import step_of_case
from wizard.fit.step import Step

FOLDER = Path(__file__).parents[2] / "data" / "simulated"


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
def peaks() -> tuple[Seen, ...]:
    return tuple(Seen(**line) for line in lines("peaks"))


@cache
def step(model: str, setting: str) -> Step:
    return step_of_case({"config": models()[model], **settings()[setting]})


def steps() -> Iterator[tuple[str, Step]]:
    for model in models():
        for setting in settings():
            yield f"{model} {setting}", step(model, setting)
