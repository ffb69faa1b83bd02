"""The reward model: what is proven of it before it is saved, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, StageRun, Stages

QUESTIONS = ["What is 3 and 3?", "你是谁?"]
SPEC = {"trainer": "reward", "settings": {}, "method": LORA, "device": "cpu"}


@pytest.fixture
def taught(forged: Stages, tiny_model: Path, prepared_for: Callable[[str], StageRun]) -> Any:
    def made(**knobs: Any) -> Path:
        train = forged("train").order(
            {**SPEC, "knobs": KNOBS | knobs},
            {"fetch": {"model": tiny_model}, "prepare": prepared_for("reward").done()["outputs"]},
        )
        assert train.run() == 0, (train.path / "log.txt").read_text()[-3000:]
        return Path(train.done()["outputs"]["adapter"])

    return made


@pytest.fixture
def merge(forged: Stages, tiny_model: Path) -> Any:
    def ordered(adapter: Path, folder: str = "merge", **more: Any) -> StageRun:
        spec = {**SPEC, "questions": QUESTIONS, "max_new_tokens": 8, **more}
        return forged("merge", folder).order(spec, {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}})

    return ordered


def test_base_and_adapter_score_as_the_merged_model(taught: Any, merge: Any) -> None:
    adapter = taught()
    for held in (2, 4):
        merged = merge(adapter, f"merge-{held}", weight_bytes=held)
        assert merged.run() == 0, (merged.path / "log.txt").read_text()[-3000:]
        result = merged.done()["result"]
        parity = result["parity"]
        assert parity["equal"] and parity["changed"]
        assert parity["max_logit_diff"] < 1e-4
        assert [len(score) for score in result["scores"]] == [1, 1]
        folder = Path(merged.done()["outputs"]["merged"])
        config = json.loads((folder / "config.json").read_text())
        assert config["architectures"] == ["LlamaForSequenceClassification"]
        assert config["pad_token_id"] is not None
        assert (folder / "chat_template.jinja").is_file()


def test_an_adapter_that_learnt_nothing_is_told(taught: Any, merge: Any) -> None:
    merged = merge(taught(learning_rate=0.0, max_steps=1))
    assert merged.run() == 1
    assert merged.problem()["code"] == "scores-not-changed"
    assert not (merged.path / "merged").exists()


def test_an_adapter_without_a_head_is_told(taught: Any, merge: Any, tmp_path: Path) -> None:
    adapter = taught(max_steps=1)
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes().replace(b".score.weight", b".stood.weight"))
    merged = merge(adapter)
    assert merged.run() == 1
    assert merged.problem()["code"] == "adapter-damaged"


def test_a_kind_of_model_that_cannot_score_is_told(
    forged: Stages, tiny_model: Path, prepared_for: Callable[[str], StageRun], tmp_path: Path
) -> None:
    other = tmp_path / "model"
    shutil.copytree(tiny_model, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "model_type": "mamba"}))
    inputs = {"fetch": {"model": other}, "prepare": prepared_for("reward").done()["outputs"]}
    train = forged("train").order({**SPEC, "knobs": KNOBS}, inputs)
    assert train.run() == 1
    assert train.problem() == {"code": "model-scores-not", "params": {"kind": "mamba"}}
