"""Two real cards, NCCL between them: what test_cards.py does on a CPU. With `-m gpu`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

import wizard
from tests.unit.stages.programs import KNOBS, LOCKS, ROWS, SFT, StageRun, built, tiny
from wizard.journal import Home
from wizard.run import install_lib

pytestmark = [pytest.mark.gpu, pytest.mark.slow]
MANY = {"max_steps": 60, "save_steps": 1000, "learning_rate": 1e-3, "optimizer": "adamw_torch_fused"}
SHARED = KNOBS | MANY | {"n_gpus": 2, "zero_stage": 3, "accumulate": 2, "grad_ckpt": True}
ALONE = {"n_gpus": 1, "zero_stage": 0}


def cards() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return []


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    if len(cards()) < 2:
        pytest.skip("needs two NVIDIA cards")
    if named := os.environ.get("YCDY_TEST_TRL_CUDA"):
        return Path(named)
    lock = os.environ.get("YCDY_TEST_LOCK", "trl.cu12.txt")
    assert (LOCKS / lock).is_file()
    return built("trl", lock, "3.11", Path(request.config.cache.mkdir("engines"))) / "bin" / "python"


@pytest.fixture
def place(tmp_path: Path, python: Path) -> Path:
    """A home with the code of the stages, a tiny model and its rows."""
    home = Home(tmp_path, tmp_path)
    (tmp_path / "code").symlink_to(home.lib / install_lib(home, Path(wizard.__file__).parent))
    tiny(python, tmp_path / "code", tmp_path / "model")
    prepare = StageRun(tmp_path / "prepare", "prepare", python, tmp_path / "code", tmp_path)
    spec = {"data": {"kind": "bundled"}, "rows": ROWS, "knobs": KNOBS}
    assert prepare.order(spec, {"fetch": {"model": tmp_path / "model"}}).run() == 0
    return tmp_path


def train(place: Path, python: Path, name: str, **knobs: int) -> StageRun:
    visible = ",".join(cards()[:2])
    made = StageRun(place / name, "train", python, place / "code", place, {"CUDA_VISIBLE_DEVICES": visible})
    rows = json.loads((place / "prepare" / "done.json").read_text())["outputs"]["rows"]
    spec = {"knobs": SHARED | knobs, **SFT, "device": "cuda"}
    return made.order(spec, {"fetch": {"model": place / "model"}, "prepare": {"rows": rows}})


def losses(run: StageRun) -> dict[int, float]:
    return {line["step"]: line["values"]["loss"] for line in run.metrics()}


def test_two_cards_learn_what_one_learns_stop_when_asked_and_go_on(place: Path, python: Path) -> None:
    alone, both = train(place, python, "alone", **ALONE), train(place, python, "both")
    assert alone.run() == 0, (alone.path / "log.txt").read_text()[-3000:]
    assert both.run() == 0, (both.path / "log.txt").read_text()[-3000:]
    assert losses(both) == pytest.approx(losses(alone), rel=2e-2)
    stopped = train(place, python, "stopped")
    process = stopped.start()
    stopped.wait_for(lambda run: len(run.metrics()) >= 2, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert stopped.run() == 0
    assert losses(stopped) == pytest.approx(losses(both), rel=1e-3)
