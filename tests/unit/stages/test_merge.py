from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, SFT, StageRun, Stages, environment

QUESTIONS = ["What is 3 and 3?", "你是谁?"]


@pytest.fixture(scope="module")
def adapter(
    tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path, tiny_rows: Path
) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train = StageRun(folder / "train", "train", trl_python, lib, folder)
    spec = {"knobs": KNOBS, **SFT, "device": "cpu"}
    train.order(spec, {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}})
    assert train.run() == 0
    return Path(train.done()["outputs"]["adapter"])


@pytest.fixture
def make(stage: Stages, trl_python: Path, tiny_model: Path) -> Any:
    def ordered(adapter: Path) -> StageRun:
        spec = {**SFT, "questions": QUESTIONS, "max_new_tokens": 12}
        return stage("merge", trl_python).order(spec, {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}})

    return ordered


def test_the_merged_model_answers_as_base_and_adapter_do(make: Any, adapter: Path, tiny_model: Path) -> None:
    merge = make(adapter)
    assert merge.run() == 0
    done = merge.done()
    parity = done["result"]["parity"]
    assert parity["equal"] is True
    assert 2 <= parity["tokens"] <= 24
    assert parity["max_logit_diff"] < 1e-4
    assert parity["cast_logit_diff"] < 1.0
    assert len(done["result"]["before"]) == len(QUESTIONS)
    merged = Path(done["outputs"]["merged"])
    for name in ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "generation_config.json"):
        assert (merged / name).is_file(), name
    assert json.loads((merged / "config.json").read_text())["dtype"] == "bfloat16"
    assert (merged / "model.safetensors").read_bytes() != (tiny_model / "model.safetensors").read_bytes()


def test_held_in_halves_it_answers_and_proves_the_same(
    stage: Stages, trl_python: Path, tiny_model: Path, adapter: Path
) -> None:
    results = []
    for held in (2, 4):
        spec = {**SFT, "questions": QUESTIONS, "max_new_tokens": 12, "weight_bytes": held}
        inputs = {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}}
        merge = stage("merge", trl_python, folder=f"merge-{held}").order(spec, inputs)
        assert merge.run() == 0
        results.append(merge.done()["result"])
    halves, whole = results
    assert halves["before"] == whole["before"]
    assert halves["parity"]["equal"] and halves["parity"]["tokens"] == whole["parity"]["tokens"]
    assert halves["parity"]["max_logit_diff"] < 1e-5


def test_every_kind_of_layer_and_adapter_is_widened_and_merged_bit_for_bit(trl_python: Path, lib: Path) -> None:
    script = Path(__file__).with_name("check_widening.py")
    told = subprocess.run(
        [str(trl_python), str(script)], check=True, env=environment(lib), stdout=subprocess.PIPE, text=True
    ).stdout
    cases = [json.loads(line) for line in told.splitlines()]
    assert len(cases) == 12
    for case in cases:
        assert all(case.values()), case


def test_a_damaged_adapter_is_named_before_anything_is_loaded(make: Any, adapter: Path, tmp_path: Path) -> None:
    copy = tmp_path / "adapter"
    shutil.copytree(adapter, copy)
    weights = copy / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    merge = make(copy)
    assert merge.run() == 1
    assert merge.problem() == {"code": "adapter-damaged", "params": {"path": str(copy)}}
