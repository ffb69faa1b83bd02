"""Number types, attention and what else decides how a step is computed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, SFT, StageRun, Stages
from tests.unit.stages.test_sharing import curve
from wizard.fit.memory.offloading import ENDING, RETURNED, STASHED
from wizard.stages import compiling
from wizard.stages.attention import Attention, attention_of

SHORT = KNOBS | {"max_steps": 2, "save_steps": 100, "dtype": "fp32"}
FLASH = """
from wizard.stages import attention
attention.flash_here = lambda device, halves: "flash_attention_2"
"""
# TRL's own code moves what is kept, on streams that do nothing, from RAM to RAM: a card's way in all but the card.
MOVING = """
import pathlib, torch, trl.models.activation_offloading as moving, trl.trainer.sft_trainer as sft
from wizard.stages import settings
settings.moves = lambda device: True
torch.cpu.Stream.synchronize = torch.cpu.empty_cache = torch.Tensor.record_stream = lambda *_: None
torch.cpu.Stream.record_event = lambda self: torch.cpu.Event()
def made(model):
    real, torch.accelerator.current_accelerator = torch.accelerator.current_accelerator, lambda: torch.device("cpu")
    try:
        return moving.get_act_offloading_ctx_manager(model, use_pin_memory=False)
    finally:
        torch.accelerator.current_accelerator = real
sft.get_act_offloading_ctx_manager = made
through = torch.cpu.stream
def counted(stream):
    with pathlib.Path("moved.txt").open("a") as file:
        print(file=file)
    return through(stream)
torch.cpu.stream = counted
"""
NO_C = """
from wizard.stages import compiling
compiling.shutil.which = lambda name: None
"""
LAYERS = 2
TRACED = {"torch_compile_backend": "aot_eager"}  # all of torch.compile but the C++ that it writes, which takes a minute
Make = Callable[..., StageRun]


@pytest.fixture
def make(forged: Stages, tmp_path: Path, tiny_model: Path, tiny_rows: Path) -> Make:
    def ordered(folder: str = "train", code: str = "", settings: Any = None, **knobs: Any) -> StageRun:
        file = tmp_path / f"{folder}.py"
        file.write_text(code)
        spec = {"knobs": SHORT | knobs, **SFT, "device": "cpu", "settings": settings or {}}
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
    train = make(code=MOVING + code, offload_activations=True)
    assert train.run() == 1
    assert train.problem()["code"] == "setting-unknown"


@pytest.mark.parametrize("grad_ckpt", [False, True])
def test_what_is_kept_can_wait_in_ram(make: Make, grad_ckpt: bool) -> None:
    kept = ran(make("kept", grad_ckpt=grad_ckpt))
    moved = ran(make("moved", code=MOVING, offload_activations=True, grad_ckpt=grad_ckpt))
    assert len((moved.path / "moved.txt").read_text()) >= 2 * LAYERS, "of each layer, in each step"
    assert curve(moved) == curve(kept)


def test_as_much_stays_on_the_card_as_the_forecast_says(trl_python: Path, tmp_path: Path) -> None:
    command = [str(trl_python), str(Path(__file__).with_name("check_offloading.py")), str(tmp_path / "told.json")]
    subprocess.run(command, check=True, capture_output=True)
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["forward"] == STASHED
    assert 1 <= told["end"] <= ENDING
    assert told["backward"] == RETURNED


def test_without_a_card_there_is_nothing_to_move(make: Make) -> None:
    train = make(offload_activations=True)
    assert train.run() == 1
    assert train.problem()["code"] == "offload-without-card"


def test_a_traced_model_learns_the_same_and_is_saved_under_its_own_names(make: Make) -> None:
    plain, traced = ran(make("plain")), ran(make("traced", settings=TRACED, compile=True))
    assert same(traced, plain)


def test_a_machine_that_cannot_compile_says_so_first(make: Make) -> None:
    train = make(code=NO_C, compile=True)
    assert train.run() == 1
    assert train.problem()["code"] == "compile-without-compiler"


def test_the_compiler_that_torch_would_take_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.stages.compiling.shutil.which", lambda name: name if name == "/opt/g++" else None)
    monkeypatch.delenv("CXX", raising=False)
    assert compiling.lacks("cpu") == ["g++"]
    monkeypatch.setenv("CXX", "/opt/g++")
    assert compiling.lacks("cpu") == []
    monkeypatch.setenv("CXX", "clang++")
    assert compiling.lacks("cpu") == ["clang++"]


@pytest.mark.soak
@pytest.mark.parametrize("knobs", [{}, {"packing": True}, {"grad_ckpt": True}], ids=["plain", "packed", "recomputed"])
def test_a_compiled_model_learns_the_same(make: Make, knobs: dict[str, bool]) -> None:
    plain, compiled = ran(make("plain", **knobs)), ran(make("compiled", compile=True, **knobs))
    assert same(compiled, plain)


def same(one: StageRun, other: StageRun) -> bool:
    """The same losses and norms, and weights of the same names."""
    assert curve(one) == {step: pytest.approx(values, rel=1e-4) for step, values in curve(other).items()}
    return names(one) == names(other)


def names(train: StageRun) -> Any:
    (folder,) = train.done()["outputs"].values()
    (file,) = Path(folder).glob("*model.safetensors")
    read = file.read_bytes()
    return json.loads(read[8 : 8 + int.from_bytes(read[:8], "little")])
