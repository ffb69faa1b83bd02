"""Every family of the catalogue that sees pictures has its sight, and it agrees with what the memory law counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.catalog.published import published
from wizard.catalog import builtin, load
from wizard.contract import Model
from wizard.data.shape.seeing import Fixed, Grid
from wizard.data.shape.sight import SAME, SIGHTS, UNKNOWN, family_of, image_tokens, sight_of

SEEING = [model for model in load([builtin()]).models.values() if "image" in model.modality]


@pytest.mark.parametrize("model", SEEING, ids=lambda model: model.id)
def test_a_model_that_sees_has_a_sight_as_large_as_its_tower(model: Model) -> None:
    family, tower = model.architecture.family, model.architecture.tower
    sight = sight_of(family)
    assert sight is not UNKNOWN
    assert tower is not None
    tokens = image_tokens(family, 1024, 1024) - sight.marks
    if isinstance(sight.rule, Grid) or (type(sight.rule) is Fixed and family != "llama3.2-vision"):
        assert tokens == tower.tokens
    else:
        assert tokens >= tower.tokens or tokens == 1 or tower.tokens == 3025  # of one tile, or of 1540 x 1540 pixels


CONFIGS = [(name, entry.config) for entry in published() for name in entry.models]
FAMILIES = {model.id: model.architecture.family for model in SEEING}


@pytest.mark.parametrize(
    ("name", "config"), [each for each in CONFIGS if each[0] in FAMILIES], ids=lambda each: str(each)[:20]
)
def test_a_model_is_known_by_its_config_alone(name: str, config: Mapping[str, Any]) -> None:
    assert sight_of(family_of(config)) is sight_of(FAMILIES[name])


def test_no_sight_is_of_a_family_that_nobody_has() -> None:
    families = {model.architecture.family for model in SEEING}
    assert set(SIGHTS) <= families
    assert set(SAME.values()) <= set(SIGHTS)
