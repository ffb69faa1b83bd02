"""Adapters of other trainings, as a run file names them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wizard.catalog import builtin, load
from wizard.contract import Choice, DataChoice, Knobs, OtherAdapter
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.session import adapters

CATALOG = load([builtin()])


def place(folder: Path, weights: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


def found(tmp_path: Path, *wanted: OtherAdapter, recipe: str = "sft-lora") -> list[OtherAdapter]:
    data = DataChoice(kind="path", ref="rows.jsonl")
    choice = Choice(recipe=recipe, model="smollm2-135m", knobs=Knobs(), data=data, adapters=wanted)
    told = CATALOG.recipes[recipe]
    home = Home(tmp_path / "home", tmp_path / "home")
    return list(adapters.located(home, choice, told, CATALOG.methods[told.method]))


def test_a_folder_is_found_and_what_it_holds_is_noted(tmp_path: Path) -> None:
    folder = place(tmp_path / "law", b"weights")
    (told,) = found(tmp_path, OtherAdapter(ref=str(folder), weight=0.5))
    assert (told.name, told.path, told.weight) == ("law", str(folder), 0.5)
    assert len(told.sha256) == 64
    assert found(tmp_path, told) == [told]


@pytest.mark.parametrize(
    ("changed", "recipe", "code"),
    [
        ({"ref": "{}/none"}, "sft-lora", "no-adapter-there"),
        ({"ref": "{}"}, "sft-lora", "no-adapter-there"),
        ({"ref": "a-run-that-is-not"}, "sft-lora", "run-unknown"),
        ({"sha256": "0" * 64}, "sft-lora", "adapter-not-the-same"),
        ({}, "sft-full", "adapters-not-here"),
        ({}, "sft-adapter", "adapters-not-here"),
        ({}, "cls-lora", "adapters-not-here"),
        ({}, "serve", "adapters-not-here"),
    ],
)
def test_what_cannot_be_taken_is_told_before_anything_runs(
    tmp_path: Path, changed: dict[str, Any], recipe: str, code: str
) -> None:
    folder = place(tmp_path / "law", b"weights")
    given = {name: told.format(tmp_path) for name, told in changed.items()}
    with pytest.raises(WizardError) as told:
        found(tmp_path, replace(OtherAdapter(ref=str(folder)), **given), recipe=recipe)
    assert told.value.problem.code == code


@pytest.mark.parametrize("names", [("", ""), ("mine", "mine")])
def test_two_alike_are_told(tmp_path: Path, names: tuple[str, str]) -> None:
    one, two = place(tmp_path / "one", b"weights"), place(tmp_path / "two", b"weights" if not names[0] else b"others")
    with pytest.raises(WizardError) as told:
        found(tmp_path, *(OtherAdapter(ref=str(at), name=name) for at, name in zip((one, two), names, strict=True)))
    assert told.value.problem.code == "adapter-twice"
