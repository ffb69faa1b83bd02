from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.stages.programs import KNOBS, LORA, SFT, StageRun, Stages, beside, environment

BASES = ("nf4", "nf4-dq", "int8")
LINEARS = 2 * 7  # of the tiny model's two layers


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory, trl_python: Path) -> Path:
    return beside(tmp_path_factory.mktemp("bitsandbytes"), trl_python, "bitsandbytes")


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def train(
    base: str, stage: Stages, trl_python: Path, lib: Path, kernels: Path, tiny_model: Path, tiny_rows: Path
) -> StageRun:
    made = stage("train", trl_python, PYTHONPATH=f"{lib}{os.pathsep}{kernels}")
    spec = {"knobs": KNOBS, **SFT, "method": {**LORA, "id": "qlora", "base": base}, "device": "cpu"}
    return made.order(spec, {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}})


def test_only_the_adapter_of_a_quantised_base_is_trained(base: str, train: StageRun, lib: Path) -> None:
    script = Path(__file__).with_name("check_quantised.py")
    command = [str(train.python), str(script), str(train.path)]
    told = subprocess.run(
        command, env=environment(lib, **train.variables), cwd=train.path, check=True, capture_output=True, text=True
    )
    made = json.loads(told.stdout.splitlines()[-1])
    assert made == {"tuned": LINEARS, "bases": [base], "adapter": ["torch.bfloat16"], "trained_in_the_base": []}


def test_its_adapter_is_merged_into_the_whole_base(
    train: StageRun, stage: Stages, trl_python: Path, tiny_model: Path
) -> None:
    assert train.run() == 0, (train.path / "log.txt").read_text()[-3000:]
    losses = [line["values"]["loss"] for line in train.metrics()]
    assert len(losses) == KNOBS["max_steps"]
    assert all(loss is not None and math.isfinite(loss) for loss in losses)
    assert losses[-1] < losses[0]
    merge = stage("merge", trl_python)  # without bitsandbytes
    spec = {**SFT, "questions": ["What is 3 and 3?"], "max_new_tokens": 12}
    adapter = train.done()["outputs"]["adapter"]
    merge.order(spec, {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}})
    assert merge.run() == 0, (merge.path / "log.txt").read_text()[-3000:]
    assert merge.done()["result"]["parity"]["equal"] is True
    merged = Path(merge.done()["outputs"]["merged"])
    assert "quantization_config" not in json.loads((merged / "config.json").read_text())
