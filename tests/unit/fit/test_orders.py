"""What the simulation is told: the whole step by name, and a config that builds the same model."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from tests.unit.fit.simulated import models, step
from wizard.contract import Architecture, Catalog
from wizard.errors import WizardError
from wizard.fit import architecture_in, config_of, order_of
from wizard.fit.memory.step import Step


def rebuilt(a: Architecture) -> Architecture | None:
    """By its config; None where the numbers alone do not tell enough."""
    try:
        return replace(architecture_in(config_of(a)), family=a.family)
    except WizardError as error:
        assert error.problem.code == "model-not-simulated"
        return None


def test_an_order_tells_every_setting_of_a_step_and_is_json() -> None:
    config = models()["smollm2-135m"]
    order = order_of(step("smollm2-135m", "qlora"), config)
    assert json.loads(json.dumps(order)) == order
    assert order.keys() == {field.name for field in fields(Step)} - {"architecture"} | {"config"}


def test_a_config_made_of_the_catalogue_s_numbers_is_read_as_the_same_model(catalog: Catalog) -> None:
    found = {model.id: (model.architecture, rebuilt(model.architecture)) for model in catalog.models.values()}
    made = {name: pair for name, pair in found.items() if pair[1]}
    assert len(made) > 100
    assert [name for name, (told, read) in made.items() if told != read] == []


@pytest.mark.parametrize("model", ["gemma-3-4b", "llava-1.5-7b", "falcon-7b", "deepseek-v2-lite"])
def test_a_model_with_a_tower_or_of_another_kind_needs_its_own_config(catalog: Catalog, model: str) -> None:
    assert rebuilt(catalog.models[model].architecture) is None
