"""PEFT's tuners as our methods use them: what they train, how they start, that they are saved as they were trained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, SFT, Forge, StageRun, Stages
from wizard.catalog import builtin, load

METHODS = load([builtin()]).methods
LAYERS, WIDTH, MLP, KEYS = 2, 64, 128, 32  # of the tiny model
LINEARS = ((WIDTH, WIDTH), (WIDTH, KEYS), (WIDTH, KEYS), (WIDTH, WIDTH), (WIDTH, MLP), (WIDTH, MLP), (MLP, WIDTH))
RANK = int(KNOBS["rank"])
Make = Callable[..., StageRun]


@pytest.fixture
def make(forged: Stages, tiny_model: Path, tiny_rows: Path) -> Make:
    def ordered(method: str, folder: str = "train", model: Path = tiny_model, **knobs: Any) -> StageRun:
        spec = {"knobs": KNOBS | knobs, **SFT, "method": asdict(METHODS[method]), "device": "cpu"}
        return forged("train", folder).order(spec, {"fetch": {"model": model}, "prepare": {"rows": tiny_rows}})

    return ordered


@pytest.fixture
def told(make: Make, forge: Forge) -> Callable[..., dict[str, Any]]:
    script = str(Path(__file__).with_name("check_tuners.py"))

    def run(method: str, folder: str = "train", **knobs: Any) -> dict[str, Any]:
        train = make(method, folder, **knobs)
        assert forge.run(script, train.path, str(train.path)) == 0, (train.path / "log.txt").read_text()[-3000:]
        found: dict[str, Any] = json.loads((train.path / "told.json").read_text())
        return found

    return run


def summed(each: Callable[[int, int], int]) -> int:
    return LAYERS * sum(each(*sides) for sides in LINEARS)


TRAINED: Mapping[str, int] = {  # method -> numbers that are trained; each linear layer reads `a` and writes `b` numbers
    "rslora": summed(lambda a, b: RANK * (a + b)),
    "loraplus": summed(lambda a, b: RANK * (a + b)),
    "pissa": summed(lambda a, b: RANK * (a + b)),
    "olora": summed(lambda a, b: RANK * (a + b)),
    "loftq": summed(lambda a, b: RANK * (a + b)),
    "dora": summed(lambda a, b: RANK * (a + b) + b),
    "adalora": summed(lambda a, b: RANK * 3 // 2 * (a + b + 1)),
    "vera": summed(lambda a, b: RANK + b),
    "miss": summed(lambda a, b: RANK * b),
    "oft": summed(lambda a, b: a // 32 * (32 * 31 // 2)),
    "boft": summed(lambda a, b: a // 4 * 4 * 4 + b),
    "ia3": LAYERS * (KEYS + KEYS + MLP),
}
STARTS_OFF = ("loftq",)  # the quantised base is not the whole one


@pytest.mark.parametrize("method", TRAINED)
def test_it_trains_so_many_numbers_starts_as_the_base_and_is_laid_on_again_as_it_was(
    method: str, told: Callable[..., dict[str, Any]]
) -> None:
    targets = {"targets": ["k_proj", "v_proj", "down_proj"]} if method == "ia3" else {}
    found = told(method, max_steps=3, **targets)
    assert found["trained"] == TRAINED[method]
    assert found["moved"] > 1e-3
    if method == "loraplus":
        assert found["rates"] == [KNOBS["learning_rate"], 16 * KNOBS["learning_rate"]]
    if method not in STARTS_OFF:
        assert found["start"] < 1e-4
        assert found["reloaded"] < 1e-4


def test_loftq_begins_nearer_to_the_whole_base_than_qlora(told: Callable[..., dict[str, Any]]) -> None:
    near, plain = told("loftq", max_steps=1), told("qlora-nf4", "plain", max_steps=1)
    assert near["start"] < 0.9 * plain["start"]
    assert near["reloaded"] < 0.1


def test_adalora_ends_with_the_rank_that_was_asked_for_and_moves_it(told: Callable[..., dict[str, Any]]) -> None:
    ranks = told("adalora", max_steps=8)["ranks"]
    assert len(ranks) == LAYERS * len(LINEARS)
    assert sum(ranks) <= RANK * len(ranks)
    assert len(set(ranks)) > 1


def test_a_training_too_short_to_prune_is_one_all_the_same(told: Callable[..., dict[str, Any]]) -> None:
    assert set(told("adalora", max_steps=1)["ranks"]) == {RANK * 3 // 2}


def test_eva_begins_with_directions_of_the_data(told: Callable[..., dict[str, Any]]) -> None:
    found = told("eva", max_steps=1)
    assert found["turned"] < 1e-4
    assert found["start"] < 1e-4
    assert found["reloaded"] < 1e-4


def test_ligers_kernels_are_asked_for_by_a_setting_that_transformers_has(make: Make) -> None:
    train = make("lora-liger", max_steps=1)
    assert train.run() == 1
    log = (train.path / "log.txt").read_text(encoding="utf-8")
    assert "setting-unknown" not in log
    assert "liger" in log.lower()


@pytest.mark.parametrize(
    ("method", "knobs"), [("oft", {"targets": ["no_such_layer"]}), ("ia3", {"targets": ["nor_this"]})]
)
def test_a_tuner_that_does_not_suit_the_model_says_so(method: str, knobs: dict[str, Any], make: Make) -> None:
    train = make(method, max_steps=1, **knobs)
    assert train.run() == 1
    assert train.problem()["code"] == "tuner-not-for-model"
    assert knobs["targets"][0] in train.problem()["params"]["detail"]


def adapter(train: StageRun) -> str:
    file = Path(train.done()["outputs"]["adapter"]) / "adapter_model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest()


def curve(train: StageRun) -> dict[int, float]:
    return {line["step"]: line["values"]["loss"] for line in train.metrics()}


@pytest.mark.parametrize("method", ["adalora", "loraplus", "dora", "pissa"])
def test_killed_twice_it_ends_with_the_same_adapter(method: str, make: Make, forge: Forge) -> None:
    whole, killed = make(method, "whole"), make(method, "killed")
    assert whole.run() == 0
    script = str(Path(__file__).with_name("killed.py"))
    for step in (3, 6):
        assert forge.run(script, killed.path, str(killed.path), str(step)) == -9
    assert killed.run() == 0
    assert killed.notes() == ["resumed", "resumed"]
    assert curve(killed) == curve(whole)
    assert adapter(killed) == adapter(whole)
