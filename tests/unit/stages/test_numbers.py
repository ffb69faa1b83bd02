"""Number types, attention and what else decides how a step is computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, SFT, StageRun, Stages
from tests.unit.stages.test_sharing import curve
from wizard.stages.attention import Attention, attention_of

SHORT = KNOBS | {"max_steps": 2, "save_steps": 100, "dtype": "fp32"}
FLASH = """
from wizard.stages import attention
attention.flash_here = lambda device, halves: "flash_attention_2"
"""
Make = Callable[..., StageRun]


@pytest.fixture
def make(forged: Stages, tmp_path: Path, tiny_model: Path, tiny_rows: Path) -> Make:
    def ordered(folder: str = "train", code: str = "", **knobs: Any) -> StageRun:
        file = tmp_path / f"{folder}.py"
        file.write_text(code)
        spec = {"knobs": SHORT | knobs, **SFT, "device": "cpu"}
        made = forged("train", folder, YCDY_TEST_CODE=str(file))
        return made.order(spec, {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}})

    return ordered


def ran(train: StageRun) -> StageRun:
    assert train.run() == 0, (train.path / "log.txt").read_text()[-3000:]
    return train


def said(train: StageRun) -> tuple[str, dict[str, Any]]:
    (note,) = train.events("note")
    return note["code"], note["params"]


@pytest.mark.parametrize(("asked", "computed"), [("fp32", "float32"), ("bf16", "bfloat16")])
def test_the_number_type_can_be_forced(make: Make, asked: str, computed: str) -> None:
    assert ran(make(dtype=asked)).done()["result"]["dtype"] == computed


def test_attention_that_was_asked_for_is_told_and_computes_the_same(make: Make) -> None:
    own, eager = ran(make("own")), ran(make("eager", attention="eager"))
    assert own.notes() == []
    assert said(eager) == ("attention-asked", {"attention": "eager", "dtype": "float32"})
    assert curve(eager) == {step: pytest.approx(values, rel=1e-4) for step, values in curve(own).items()}


def test_flash_attention_that_is_not_to_be_had_is_told(make: Make) -> None:
    assert said(ran(make(attention="flash"))) == ("attention-no-flash", {"attention": "sdpa", "dtype": "float32"})


def test_a_model_that_cannot_compute_by_it_is_loaded_all_the_same(make: Make) -> None:
    assert said(ran(make(code=FLASH))) == ("attention-unknown", {"attention": "sdpa", "dtype": "float32"})


def test_each_card_gets_what_it_can(make: Make) -> None:
    train = ran(make(code=Path(__file__).with_name("check_attention.py").read_text()))
    told = json.loads((train.path / "told.json").read_text())
    flash2, flash3 = ["flash_attention_2", "attention-flash"], ["flash_attention_3", "attention-flash"]
    cards = {"t4": {}, "a100": {"2": flash2, "23": flash2}, "b200": {"2": flash2, "23": flash2}}
    cards["h100"] = {"2": flash2, "23": flash3}
    for case, found in told.items():
        card, packages, asked, halves = case.split(" ")
        none = ["sdpa", "attention-no-flash"] if asked == "flash" else [None, "attention-own"]
        assert found == (cards[card].get(packages, none) if halves == "True" else none), case


def test_cards_that_share_a_sequence_are_told_their_attention() -> None:
    assert attention_of({"sequence_parallel": 2}, "cpu", True) == Attention("sdpa", "attention-own")


def test_what_a_trainer_does_not_have_is_refused(make: Make) -> None:
    code = "import trl; del trl.SFTConfig.__dataclass_fields__['activation_offloading']"
    train = make(code=code, offload_activations=True)
    assert train.run() == 1
    assert train.problem()["code"] == "setting-unknown"
