from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import Forge

MADE = {
    "nf4": "BitsAndBytesConfig",
    "nf4-dq": "BitsAndBytesConfig",
    "int8": "BitsAndBytesConfig",
}
BEFORE = {"gptq": "GPTQConfig", "awq": "AwqConfig"}
OTHERWISE = "base-held-otherwise"


@pytest.fixture(scope="module")
def told(forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("holding")
    script = str(Path(__file__).with_name("check_holding.py"))
    assert forge.run(script, place, str(place)) == 0, (place / "log.txt").read_text()[-3000:]
    found: dict[str, Any] = json.loads((place / "told.json").read_text())
    return found


def test_a_whole_model_is_quantised_by_the_librarys_own_configuration(told: dict[str, Any]) -> None:
    assert {base: told[base]["whole"] for base in MADE} == MADE
    assert told["double"] is True
    assert told["hqq"]["whole"] is told["whole"]["whole"] is None  # hqq packs it once it is loaded


@pytest.mark.parametrize("base", BEFORE)
def test_a_base_that_was_quantised_before_is_held_by_kernels_that_train(base: str, told: dict[str, Any]) -> None:
    assert told[base] == {kind: BEFORE[base] if kind == base else OTHERWISE for kind in told[base]}
    assert told["merged"][base] == {"kind": BEFORE[base], "group_size": 32, "backend": "auto_trainable"}


def test_what_does_not_suit_the_folder_is_told_before_it_is_loaded(told: dict[str, Any]) -> None:
    for base in (*MADE, "hqq"):
        assert {told[base][kind] for kind in ("gptq", "awq", "fp8")} == {OTHERWISE}
        assert told[base]["mxfp4"] == MADE.get(base)  # transformers undoes it in loading
    assert (told["whole"]["gptq"], told["whole"]["fp8"]) == (OTHERWISE, None)
