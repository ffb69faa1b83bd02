"""What learns from better and worse answers: its reference, exact resume, its longest rows, what is refused."""

from __future__ import annotations

import hashlib
import json
import math
import os
import signal
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, Forge, StageRun, Stages

FULL = {**LORA, "id": "full", "trainable": "all", "tuner": "full"}


@pytest.fixture
def make(forged: Stages, tiny_model: Path, prepared_for: Callable[[str], StageRun]) -> Any:
    def ordered(
        trainer: str, folder: str = "train", stage: str = "train", rows: Path | None = None, **more: Any
    ) -> StageRun:
        told = {name: more.pop(name, default) for name, default in (("settings", {}), ("method", LORA))}
        prepared = {"rows": rows or prepared_for(task_of(trainer)).done()["outputs"]["rows"], **more.pop("aside", {})}
        told |= {"trainer": trainer, "knobs": KNOBS | more, "device": "cpu"}
        return forged(stage, folder).order(told, {"fetch": {"model": tiny_model}, "prepare": prepared})

    return ordered


def task_of(trainer: str) -> str:
    return "kto" if trainer == "kto" else "dpo"


def log(stage: StageRun) -> str:
    return (stage.path / "log.txt").read_text(encoding="utf-8")[-3000:]


def curve(stage: StageRun, name: str = "loss") -> dict[int, float]:
    return {line["step"]: line["values"][name] for line in stage.metrics()}


def weights(stage: StageRun) -> str:
    (folder,) = (Path(path) for path in stage.done()["outputs"].values())
    return hashlib.sha256(next(folder.glob("*.safetensors")).read_bytes()).hexdigest()


@pytest.mark.parametrize("trainer", ["dpo", "kto"])
def test_a_killed_run_goes_on_to_the_same_adapter(make: Any, forge: Forge, trainer: str) -> None:
    whole, killed = (make(trainer, folder, max_steps=30, save_steps=3) for folder in ("whole", "killed"))
    assert whole.run() == 0, log(whole)
    process = forge.run("wizard.stages.train", killed.path, str(killed.path), wait=False)
    deadline = time.monotonic() + 60
    while not killed.events("checkpoint") and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process, signal.SIGKILL)
    time.sleep(0.2)
    assert killed.metrics()[-1]["step"] < 30
    assert killed.run() == 0, log(killed)
    assert "resumed" in killed.notes()
    assert curve(killed) == curve(whole)
    assert weights(killed) == weights(whole)


def test_an_adapter_is_switched_off_to_ask_the_base(make: Any) -> None:
    """At first the adapter says nothing, so that model and reference agree: each pair loses log 2."""
    train = make("dpo", max_steps=4)
    assert train.run() == 0, log(train)
    assert curve(train)[1] == pytest.approx(math.log(2), abs=1e-3)
    assert curve(train, "rewards/margins")[1] == pytest.approx(0, abs=1e-2)
    assert curve(train, "rewards/margins")[4] > 0.1
    assert curve(train, "rewards/accuracies")[4] == 1
    assert train.done()["result"]["tokens"] > 0


@pytest.mark.parametrize("trainer", ["kto", "orpo", "reward"])
def test_rows_kept_back_are_asked_for_their_loss(
    make: Any, prepared_for: Callable[[str], StageRun], trainer: str
) -> None:
    rows = prepared_for(task_of(trainer)).done()["outputs"]["rows"]
    train = make(trainer, aside={"validation": rows}, max_steps=1)
    assert train.run() == 0, log(train)
    assert 0 < train.done()["result"]["validation_loss"] < 10


def test_small_steps_reach_the_weights_of_a_whole_model(make: Any, tiny_model: Path) -> None:
    """In 16 bits nearly all of them would stay where they are."""
    train = make("dpo", method=FULL, settings={"precompute_ref_log_probs": True}, learning_rate=5e-7, max_steps=2)
    assert train.run() == 0, log(train)
    before, after = (numbers(folder) for folder in (tiny_model, Path(train.done()["outputs"]["model"])))
    changed = sum(one != other for name in before for one, other in zip(before[name], after[name], strict=True))
    assert changed > 0.9 * sum(map(len, before.values()))


def numbers(model: Path) -> Mapping[str, Sequence[float]]:
    """Of a model's weights in fp32."""
    raw = (model / "model.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    told = {name: each["data_offsets"] for name, each in json.loads(raw[8 : 8 + length]).items() if "dtype" in each}
    return {name: array("f", raw[8 + length + start : 8 + length + end]) for name, (start, end) in told.items()}


@pytest.mark.parametrize("trainer", ["dpo", "reward"])
def test_a_rehearsal_takes_the_longest_rows(make: Any, prepared_for: Callable[[str], StageRun], trainer: str) -> None:
    rehearse = make(trainer, "rehearsal", "rehearse")
    assert rehearse.run() == 0, log(rehearse)
    assert rehearse.done()["result"]["longest"] == prepared_for(task_of(trainer)).done()["result"]["longest"]


@pytest.mark.parametrize("trainer", ["dpo", "kto", "orpo"])
def test_rows_are_made_while_they_are_learnt(
    make: Any, prepared_for: Callable[[str], StageRun], tmp_path: Path, tiny_model: Path, trainer: str
) -> None:
    prepare = prepared_for(task_of(trainer))
    stream, made = tmp_path / "stream.json", prepare.done()["result"]
    told = {"spec": json.loads((prepare.path / "spec.json").read_text())["spec"], "model": str(tiny_model)}
    told |= {"pictures": {"family": "", "store": "", "cache": ""}, "made": made["made"], "longest": made["longest"]}
    stream.write_text(json.dumps(told))
    method = {"dpo": FULL}.get(trainer, LORA)
    settings = {"dpo": {"precompute_ref_log_probs": True}}.get(trainer, {})
    train = make(trainer, rows=stream, method=method, settings=settings, max_steps=0, learning_rate=1e-3)
    assert train.run() == 0, log(train)
    assert train.done()["result"]["steps"] == made["made"] / KNOBS["micro_batch"]
    assert ("reference-kept" in train.notes()) == (trainer == "dpo")
    rehearse = make(trainer, "rehearsal", "rehearse", rows=stream)
    assert rehearse.run() == 0, log(rehearse)
    assert rehearse.done()["result"]["longest"] == made["longest"]


@pytest.mark.parametrize("trainer", ["dpo", "kto"])
def test_a_shorter_sequence_cuts_the_answers(make: Any, trainer: str) -> None:
    """The question and the template around it have 36 tokens or a few more."""
    train = make(trainer, seq_len=48, max_steps=2)
    assert train.run() == 0, log(train)
    assert train.done()["result"]["tokens"] == 2 * KNOBS["micro_batch"] * 48 * (1 if trainer == "kto" else 2)


def test_kto_of_one_answer_at_a_time_is_refused(make: Any) -> None:
    train = make("kto", micro_batch=1)
    assert train.run() == 1
    assert train.problem()["code"] == "kto-batch-of-one"
    alone = make("kto", "alone", micro_batch=1, settings={"loss_type": "apo_zero_unpaired"}, max_steps=1)
    assert alone.run() == 0, log(alone)
