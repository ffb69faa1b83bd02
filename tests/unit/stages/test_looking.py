"""Every family that sees: its processor without torchvision, and which of its weights lie on which side."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import REPO, environment
from wizard.catalog import builtin, load
from wizard.data.shape.sight import sight_of

MODELS = load([builtin()]).models
NEED_TORCHVISION = {"llama4", "mistral3"}


@pytest.fixture(scope="module")
def families(trl_python: Path, lib: Path) -> dict[str, dict[str, Any]]:
    script = Path(__file__).with_name("check_looking.py")
    configs = REPO / "tests" / "unit" / "catalog" / "configs.jsonl"
    done = subprocess.run(
        [str(trl_python), str(script), str(configs)],
        check=True,
        env=environment(lib),
        stdout=subprocess.PIPE,
        text=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {each["family"]: each for each in found}


def test_a_family_s_pictures_are_made_ready_without_torchvision_or_it_is_named(
    families: dict[str, dict[str, Any]],
) -> None:
    assert len(families) > 12
    refused = {name for name, each in families.items() if "code" in each}
    assert refused == NEED_TORCHVISION
    assert {families[name]["code"] for name in refused} == {"pictures-unreadable"}
    for name in set(families) - refused - {"mllama"}:  # it reads pictures beside the text
        with_picture, without = families[name]["longer"]
        assert families[name]["pictures"] and with_picture > without + 10, name


def test_only_families_whose_pictures_can_be_made_ready_are_offered(families: dict[str, dict[str, Any]]) -> None:
    for each in families.values():
        if "code" in each:
            assert MODELS[each["model"]].tasks == (), each["model"]


def test_the_sides_of_a_model_are_those_that_the_memory_law_reckons_with(families: dict[str, dict[str, Any]]) -> None:
    for name, each in families.items():
        model = MODELS[each["model"]]
        assert model.architecture.tower is not None, name
        assert each["tower"] + each["projector"] == model.architecture.tower.params, name
        assert each["language"] > each["tower"] / 2, name


def test_every_model_that_is_offered_for_seeing_is_of_a_family_whose_pictures_are_counted() -> None:
    offered = [model for model in MODELS.values() if "vision" in model.tasks]
    assert len(offered) > 30
    assert [model.id for model in offered if not sight_of(model.architecture.family).rule.tokens(400, 300)] == []
