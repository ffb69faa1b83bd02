from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, SFT, StageRun, Stages, kill
from wizard.stages.desk import Bench
from wizard.stages.sharing import accumulation, check, steps_between
from wizard.stages.splitting import zero

SHARED = KNOBS | {"n_gpus": 2, "zero_stage": 3, "accumulate": 2, "grad_ckpt": True, "optimizer": "adamw_torch_fused"}
ALONE = {"n_gpus": 1, "zero_stage": 0}
OUT_OF_MEMORY = """

import os
import torch

_begin = Reporter.on_step_begin


def _begin_and_fail(self, args, state, control, **more):
    if os.environ["RANK"] == "1" and state.global_step == 2:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    _begin(self, args, state, control, **more)


Reporter.on_step_begin = _begin_and_fail
"""
HELD = """

import json
import os
from pathlib import Path


def _tell(self, args, state, control, model=None, **_):
    base = {name: weights for name, weights in model.named_parameters() if "lora_" not in name}
    held = {name: [weights.ds_numel, weights.numel(), weights.ds_tensor.numel()] for name, weights in base.items()}
    (self.bench.folder / f"held-{os.environ['RANK']}.json").write_text(json.dumps(held))


Reporter.on_init_end = _tell  # the model is loaded, and DeepSpeed has not seen it yet
"""


@pytest.fixture
def make(stage: Stages, trl_python: Path, deepspeed: Path, lib: Path, tiny_model: Path, tiny_rows: Path) -> Any:
    def ordered(folder: str, code: Path = lib, rehearse: bool = False, **knobs: Any) -> StageRun:
        spec = {"knobs": SHARED | knobs, **SFT, "device": "cpu", "rehearse": rehearse}
        inputs = {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
        made = stage("train", trl_python, folder, PYTHONPATH=f"{code}{os.pathsep}{deepspeed}")
        return made.order(spec, inputs)

    return ordered


@pytest.fixture
def altered(tmp_path: Path, lib: Path) -> Callable[[str], Path]:
    def with_more(code: str) -> Path:
        copy = tmp_path / "altered"
        shutil.copytree(lib, copy)
        with (copy / "wizard" / "stages" / "reporter.py").open("a") as reporter:
            reporter.write(code)
        return copy

    return with_more


def curve(train: StageRun) -> dict[int, tuple[float, float]]:
    return {line["step"]: (line["values"]["loss"], line["values"]["grad_norm"]) for line in train.metrics()}


def weights(train: StageRun) -> bytes:
    return (Path(train.done()["outputs"]["adapter"]) / "adapter_model.safetensors").read_bytes()


def shapes(train: StageRun) -> dict[str, list[int]]:
    return shapes_in(Path(train.done()["outputs"]["adapter"]) / "adapter_model.safetensors")


def test_two_cards_learn_what_one_learns_and_go_on_after_a_kill(make: Any, altered: Callable[[str], Path]) -> None:
    alone, whole = make("alone", **ALONE), make("whole", altered(HELD), rehearse=True)
    assert alone.run() == 0
    assert whole.run() == 0, (whole.path / "log.txt").read_text()[-3000:]
    assert curve(whole) == {step: pytest.approx(values, rel=5e-3) for step, values in curve(alone).items()}
    assert shapes(whole) == shapes(alone)
    assert [event["step"] for event in whole.events("checkpoint")] == [2, 4, 6, 8]
    (told,) = whole.events("rehearsed")
    assert told["measured"]["card_bytes"] > told["measured"]["peak_bytes"] > 0
    for card in (0, 1):
        held = json.loads((whole.path / f"held-{card}.json").read_text()).values()
        assert {(here, 2 * mine - numbers) for numbers, here, mine in held} == {(0, 0)}

    killed = make("killed")
    process = killed.start()
    killed.wait_for(lambda train: len(train.events("checkpoint")) >= 2, process)
    kill(process)
    assert not (killed.path / "done.json").exists()
    newest = Path(max(killed.events("checkpoint"), key=lambda event: event["step"])["path"])
    (part,) = newest.glob("global_step*/*zero_pp_rank_1_mp_rank_00_optim_states.pt")
    part.write_bytes(part.read_bytes()[:-100])
    assert killed.run() == 0
    assert killed.notes() == ["checkpoint-damaged", "resumed"]
    assert curve(killed) == curve(whole)
    assert weights(killed) == weights(whole)


def test_sigterm_leaves_a_checkpoint_that_all_cards_agree_on(make: Any) -> None:
    train = make("stopped", max_steps=4000, save_steps=100000)
    process = train.start()
    train.wait_for(lambda stage: len(stage.metrics()) >= 2, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert not (train.path / "done.json").exists()
    assert train.events("failed") == []
    step = train.events("checkpoint")[-1]["step"]
    assert train.metrics()[-1]["step"] == step
    assert len(list((train.path / "checkpoints" / f"checkpoint-{step}").glob("global_step*/*_optim_states.pt"))) == 2


def test_lack_of_memory_on_the_second_card_is_lack_of_memory(make: Any, altered: Callable[[str], Path]) -> None:
    train = make("memory", altered(OUT_OF_MEMORY))
    assert train.run() == 75
    assert train.problem()["code"] == "out-of-memory"
    assert sorted(curve(train)) == [1, 2]


def test_a_base_in_four_bits_is_not_split_up(make: Any) -> None:
    train = make("packed")
    order = json.loads((train.path / "spec.json").read_text())
    order["spec"]["method"]["base"] = "nf4-dq"
    (train.path / "spec.json").write_text(json.dumps(order))
    assert train.run() == 1
    assert train.problem()["code"] == "four-bits-not-shared"


def test_more_cards_than_there_are_is_told_before_anything_is_loaded(make: Any) -> None:
    train = make("few")
    order = json.loads((train.path / "spec.json").read_text())
    order["spec"]["device"] = "cuda"
    (train.path / "spec.json").write_text(json.dumps(order))
    train.variables = {**train.variables, "CUDA_VISIBLE_DEVICES": "3"}
    assert train.run() == 1
    assert train.problem() == {"code": "too-few-cards", "params": {"wanted": 2, "visible": 1}}


@pytest.mark.parametrize(("wanted", "cards", "each"), [(16, 8, 2), (4, 8, 1), (6, 4, 2), (3, 1, 3)])
def test_the_micro_batches_of_a_step_are_shared_out(wanted: int, cards: int, each: int) -> None:
    assert accumulation({"accumulate": wanted, "n_gpus": cards}) == each


@pytest.mark.parametrize(
    ("micro_steps", "accumulate", "steps"), [(4, 2, 2), (2, 4, 1), (3, 2, 3), (6, 4, 3), (1, 1, 1)]
)
def test_answers_are_made_anew_where_a_step_ends(micro_steps: int, accumulate: int, steps: int) -> None:
    assert steps_between(micro_steps, accumulate) == steps


def test_a_batch_that_does_not_divide_grows_and_is_told(tmp_path: Path) -> None:
    knobs = {"n_gpus": 8, "zero_stage": 3, "micro_batch": 2, "accumulate": 4}
    spec = {"knobs": knobs, "device": "cpu", **SFT}
    train = StageRun(tmp_path, "train", Path(), Path(), tmp_path).order(spec)
    check(Bench(tmp_path))
    (note,) = train.events("note")
    assert (note["code"], note["params"]) == ("batch-larger", {"cards": 8, "rows": 16, "wanted": 8})


def test_one_card_has_nothing_to_share() -> None:
    assert zero({"n_gpus": 1, "zero_stage": 3}) is None
    assert zero({"n_gpus": 2, "zero_stage": 0}) is None
    assert zero({"n_gpus": 2, "zero_stage": 3})["zero_optimization"]["stage"] == 3  # type: ignore[index]


def test_two_cards_train_a_whole_model_and_hand_it_in_together(make: Any, tiny_model: Path) -> None:
    train = make("whole", max_steps=4, learning_rate=1e-3)
    order = json.loads((train.path / "spec.json").read_text())
    order["spec"]["method"] |= {"tuner": "full", "trainable": "all"}
    (train.path / "spec.json").write_text(json.dumps(order))
    assert train.run() == 0, (train.path / "log.txt").read_text()[-3000:]
    losses = [line["values"]["loss"] for line in train.metrics()]
    assert losses[3] < losses[0]
    whole = shapes_in(Path(train.done()["outputs"]["model"]) / "model.safetensors")
    base = shapes_in(tiny_model / "model.safetensors")
    assert {name: whole.get(name) for name in base} == base


def shapes_in(file: Path) -> dict[str, list[int]]:
    """Of a safetensors file."""
    data = file.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return {name: told["shape"] for name, told in header.items() if name != "__metadata__"}
