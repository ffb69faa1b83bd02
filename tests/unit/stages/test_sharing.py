from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, SFT, Forge, StageRun

FULL = {"id": "full", "base": "whole", "trainable": "all", "tuner": "full", "settings": {}, "arguments": {}}
HERE = Path(__file__).parent
CODE = [HERE / "fsdp_on_cpu.py", HERE / "tell_held.py"]
SHORT = KNOBS | {"max_steps": 4, "accumulate": 2, "save_steps": 2, "learning_rate": 1e-3, "dtype": "fp32"}
WIDE = {"pad_to_multiple_of": 128}  # gloo gathers sequences of one length alone; NCCL is not so strict
ON = """
import os, signal
from wizard.stages import reporter
begin = reporter.Reporter.on_step_begin
def on(self, args, state, control, **more):
    if os.environ.get("RANK") == "{rank}" and state.global_step == 3:
        {deed}
    begin(self, args, state, control, **more)
reporter.Reporter.on_step_begin = on
"""
KILLED = ON.format(rank=0, deed="os.killpg(0, signal.SIGKILL)")  # rank 0 has written what step 3 gave by then
ASKED = ON.format(rank=1, deed="os.kill(os.getppid(), signal.SIGTERM); import time; time.sleep(0.5)")
OUT_OF_MEMORY = ON.format(rank=1, deed='raise MemoryError("the card is full")')
Make = Callable[..., StageRun]


@pytest.fixture(scope="module")
def make(
    tmp_path_factory: pytest.TempPathFactory,
    sharing_forge: Forge,
    trl_python: Path,
    lib: Path,
    tiny_model: Path,
    tiny_rows: Path,
) -> Make:
    def ordered(method: dict[str, Any] = LORA, **knobs: Any) -> StageRun:
        folder = tmp_path_factory.mktemp("run")
        spec = {"knobs": SHORT | knobs, **SFT, "method": method, "device": "cpu", "settings": WIDE}
        variables = {"YCDY_TEST_CODE": ":".join(map(str, CODE))}
        made = StageRun(folder / "train", "train", trl_python, lib, folder, variables, sharing_forge)
        return made.order(spec, {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}})

    return ordered


@pytest.fixture(scope="module")
def alone(make: Make) -> Make:
    """What one card learns, for each that asks once."""
    known: dict[str, StageRun] = {}

    def learnt(method: dict[str, Any], **knobs: Any) -> StageRun:
        key = json.dumps([method, knobs])
        if key not in known:
            known[key] = make(method, **knobs)
            ran(known[key])
        return known[key]

    return learnt


def ran(train: StageRun, code: int = 0) -> StageRun:
    assert train.run() == code, (train.path / "log.txt").read_text()[-6000:]
    return train


def with_code(train: StageRun, code: str) -> StageRun:
    file = train.path / "code.py"
    file.write_text(code)
    train.variables = {"YCDY_TEST_CODE": ":".join(map(str, [*CODE, file]))}
    return train


def curve(train: StageRun) -> dict[int, tuple[float, float]]:
    return {line["step"]: (line["values"]["loss"], line["values"]["grad_norm"]) for line in train.metrics()}


def near(train: StageRun) -> dict[int, Any]:
    return {step: pytest.approx(values, rel=2e-4) for step, values in curve(train).items()}


def shapes(train: StageRun) -> dict[str, list[int]]:
    data = weights(train)
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}


def weights(train: StageRun) -> bytes:
    (folder,) = (Path(path) for path in train.done()["outputs"].values())
    (file,) = folder.glob("*.safetensors")
    return file.read_bytes()


def held(train: StageRun) -> list[float]:
    told = [json.loads(file.read_text()) for file in sorted(train.path.glob("held-*.json"))]
    return [round(each["held"] / each["of"], 2) for each in told]


WAYS: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {  # and what each card holds of the weights
    "ddp": (LORA, {"n_gpus": 2}, 1.0),
    "ddp-four": (LORA, {"n_gpus": 4, "accumulate": 4, "micro_batch": 1}, 1.0),
    "zero1": (FULL, {"n_gpus": 2, "zero_stage": 1}, 1.0),
    "zero2": (FULL, {"n_gpus": 2, "zero_stage": 2, "grad_ckpt": True}, 1.0),
    "zero2-offload": (FULL, {"n_gpus": 2, "zero_stage": 2, "offload": "optimizer"}, 1.0),
    "zero3-offload": (FULL, {"n_gpus": 2, "zero_stage": 3, "offload": "all"}, 0.5),
    "zero3-offload-alone": (FULL, {"n_gpus": 1, "zero_stage": 3, "offload": "all"}, 1.0),
    "fsdp2": (FULL, {"n_gpus": 2, "fsdp": True, "grad_ckpt": True}, 0.5),
    "fsdp2-lora": (LORA, {"n_gpus": 2, "fsdp": True}, 0.5),
    "fsdp2-four": (FULL, {"n_gpus": 4, "fsdp": True, "accumulate": 4, "micro_batch": 1}, 0.25),
    "sequence": (LORA, {"n_gpus": 2, "zero_stage": 3, "sequence_parallel": 2, "accumulate": 1}, 0.5),  # heads: 2
}


@pytest.mark.parametrize("way", WAYS)
def test_several_cards_learn_what_one_learns(make: Make, alone: Make, way: str) -> None:
    method, knobs, part = WAYS[way]
    one = alone(method, **{name: knobs[name] for name in ("accumulate", "micro_batch") if name in knobs})
    shared = ran(make(method, **knobs))
    assert curve(shared) == near(one)
    assert held(shared) == [part] * knobs["n_gpus"]
    learnt = shapes(shared)
    tied = {"lm_head.weight"}  # ZeRO writes it beside the embedding that it is
    assert {name: shape for name, shape in learnt.items() if name not in tied} == shapes(one)


@pytest.mark.parametrize("way", ["ddp", "zero2-offload", "fsdp2", "sequence"])
def test_a_kill_between_two_checkpoints_changes_nothing(make: Make, way: str) -> None:
    method, knobs, _ = WAYS[way]
    whole = ran(make(method, **knobs))
    killed = with_code(make(method, **knobs), KILLED)
    assert killed.run() == -9
    assert sorted(curve(killed)) == [1, 2, 3]
    ran(with_code(killed, ""))
    assert killed.notes() == ["resumed"]
    assert curve(killed) == curve(whole)
    assert weights(killed) == weights(whole)


@pytest.mark.parametrize("way", ["ddp", "fsdp2"])
def test_all_cards_stop_after_the_same_step(make: Make, way: str) -> None:
    method, knobs, _ = WAYS[way]
    train = with_code(make(method, **knobs, max_steps=400, save_steps=1000), ASKED)
    ran(train, 143)
    step = train.events("checkpoint")[-1]["step"]
    assert train.metrics()[-1]["step"] == step
    assert len(list((train.path / "checkpoints" / f"checkpoint-{step}").glob("rng_state_*.pth"))) == 2


@pytest.mark.parametrize("way", ["ddp", "fsdp2"])
def test_lack_of_memory_on_one_card_is_lack_of_memory(make: Make, way: str) -> None:
    method, knobs, _ = WAYS[way]
    train = ran(with_code(make(method, **knobs), OUT_OF_MEMORY), 75)
    assert train.problem()["code"] == "out-of-memory"


def test_a_part_of_a_split_up_checkpoint_that_is_cut_off_is_noticed(make: Make) -> None:
    method, knobs, _ = WAYS["fsdp2"]
    train = ran(make(method, **knobs))
    (train.path / "done.json").unlink()
    file = train.path / "checkpoints" / "checkpoint-4" / "optimizer.bin"
    file.write_bytes(file.read_bytes()[:-100])
    ran(train)
    assert train.notes() == ["checkpoint-damaged", "resumed"]
