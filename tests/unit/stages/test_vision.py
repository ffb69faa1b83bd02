"""Training a model that sees: what learns, what the loss is on, and what becomes of pictures that are gone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.unit.stages.programs import KNOBS, LORA, SFT, Forge, StageRun, Stages, environment
from tests.unit.stages.recipe_rows import drawn
from wizard.contract import DataSource

COLOURS = ("red", "green", "blue", "white", "black", "grey", "navy", "pink")
SEEING = KNOBS | {"seq_len": 256, "max_steps": 4}
FULL = {**LORA, "id": "full", "trainable": "all", "tuner": "full"}


def row(colour: str, number: int, answer: str = "") -> dict[str, Any]:
    """Pictures of several sizes, and so rows of several lengths."""
    talk = [
        {"role": "user", "content": "<image>Which colour?"},
        {"role": "assistant", "content": answer or f"It is {colour}."},
    ]
    return {"messages": talk, "images": [drawn(colour, 56 + 28 * number, 84)]}


ROWS = [row(colour, number) for number, colour in enumerate(COLOURS)]
SAID = {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "A painter."}]}


@pytest.fixture
def prepare(forged: Stages, tiny_seeing: Path, tmp_path: Path) -> Any:
    def ordered(rows: list[dict[str, Any]], validation: float = 0.0, seq_len: int = 256) -> StageRun:
        file = tmp_path / "rows.jsonl"
        file.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
        data = {"kind": "path", "sources": [asdict(DataSource(ref=str(file)))], "validation": validation}
        spec = {"data": data, "task": "vision", "knobs": {**SEEING, "seq_len": seq_len}, "questions": ["Which?"]}
        made = forged("prepare").order(spec, {"fetch": {"model": tiny_seeing}})
        assert made.run() == 0, (made.path / "log.txt").read_text()[-3000:]
        return made

    return ordered


@pytest.fixture
def train(forged: Stages, tiny_seeing: Path) -> Any:
    def ordered(
        prepared: StageRun, folder: str = "train", method: Any = LORA, settings: Any = None, **more: Any
    ) -> Any:
        spec = {**SFT, "trainer": "vision", "settings": settings or {}, "method": method, "device": "cpu"}
        inputs = {"fetch": {"model": tiny_seeing}, "prepare": prepared.done()["outputs"]}
        return forged("train", folder).order({**spec, "knobs": SEEING | more}, inputs)

    return ordered


@pytest.fixture
def merge(forged: Stages, tiny_seeing: Path) -> Any:
    def ordered(prepared: StageRun, trained: StageRun, **spec: Any) -> StageRun:
        order = json.loads((trained.path / "spec.json").read_text())["spec"]
        told = {"trainer": "vision", "method": order["method"], "questions": ["Who?"], "max_new_tokens": 8, **spec}
        inputs = {"prepare": prepared.done()["outputs"], "train": trained.done()["outputs"]}
        return forged("merge").order(told, {"fetch": {"model": tiny_seeing}, **inputs})

    return ordered


def losses(trained: StageRun) -> list[float]:
    return [line["values"]["loss"] for line in trained.metrics()]


def tensors(file: Path) -> dict[str, bytes]:
    """Names and bytes of a safetensors file, by its header."""
    data = file.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    starts = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    return {name: data[8 + length + begin : 8 + length + end] for name, (begin, end) in starts.items()}


def test_losses_are_those_of_plain_trl_step_for_step(
    prepare: Any, train: Any, trl_python: Path, lib: Path, tiny_seeing: Path, tmp_path: Path
) -> None:
    prepared = prepare([*ROWS, SAID])
    ours = train(prepared, max_steps=6)
    assert ours.run() == 0, (ours.path / "log.txt").read_text()[-3000:]
    dtype = ours.done()["result"]["dtype"]
    told = {
        "rank": SEEING["rank"], "alpha": SEEING["alpha"], "learning_rate": SEEING["learning_rate"], "max_steps": 6,
        "per_device_train_batch_size": SEEING["micro_batch"], "optim": SEEING["optimizer"], "seed": SEEING["seed"],
        "data_seed": SEEING["seed"], "max_length": 256, "gradient_checkpointing": False, "dtype": dtype,
        "bf16": dtype == "bfloat16",
    }  # fmt: skip
    script = str(Path(__file__).with_name("check_vision.py"))
    command = [str(trl_python), script, str(tiny_seeing), str(tmp_path / "rows.jsonl"), json.dumps(told)]
    done = subprocess.run([*command, str(tmp_path / "o")], check=True, env=environment(lib), stdout=subprocess.PIPE)
    looks, theirs = map(json.loads, done.stdout.splitlines()[-2:])
    assert looks == [[0, 0, 1, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 0]]
    assert losses(ours) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "adapted"),
    [
        ({}, {"language"}),
        ({"tower": "lora"}, {"language", "tower"}),
        ({"projector": True}, {"language", "projector"}),
        ({"tower": "lora", "projector": True}, {"language", "tower", "projector"}),
    ],
)
def test_the_adapter_lies_around_the_sides_that_were_chosen(
    prepare: Any, train: Any, settings: dict[str, Any], adapted: set[str]
) -> None:
    trained = train(prepare(ROWS[:2]), settings=settings, max_steps=1)
    assert trained.run() == 0
    weights = tensors(Path(trained.done()["outputs"]["adapter"]) / "adapter_model.safetensors")
    sides = {"projector" if ".merger." in name else "tower" if ".visual." in name else "language" for name in weights}
    assert sides == adapted
    assert not [name for name in weights if "lm_head" in name]


@pytest.mark.parametrize(("tower", "learns"), [("frozen", False), ("full", True)])
def test_full_tuning_trains_the_tower_only_if_asked(
    prepare: Any, train: Any, merge: Any, tower: str, learns: bool
) -> None:
    prepared = prepare(ROWS[:2])
    saved = {}
    for rate in (0.0, 1e-2):
        settings = {"tower": tower, "projector": True}
        trained = train(prepared, f"train-{rate}", method=FULL, settings=settings, max_steps=2, learning_rate=rate)
        assert trained.run() == 0
        saved[rate] = tensors(Path(trained.done()["outputs"]["model"]) / "model.safetensors")
    before, after = saved.values()
    changed = {name for name, data in after.items() if before[name] != data}
    assert any("visual.blocks" in name for name in changed) is learns
    assert any("visual.merger" in name for name in changed)
    assert any("visual" not in name for name in changed)
    made = merge(prepared, trained)
    assert made.run() == 0
    parity = made.done()["result"]["parity"]
    assert (parity["equal"], parity["pictures"], parity["max_logit_diff"]) == (True, 1, 0.0)


def test_a_way_that_the_method_does_not_know_is_named(prepare: Any, train: Any) -> None:
    prepared = prepare(ROWS[:2])
    for method, tower in ((LORA, "full"), (FULL, "lora"), (LORA, "thawed")):
        trained = train(prepared, method=method, settings={"tower": tower})
        assert trained.run() == 1
        assert trained.problem()["code"] == "tower-not-so"


def test_a_killed_run_goes_on_and_ends_with_the_same_adapter(prepare: Any, train: Any, forge: Forge) -> None:
    prepared = prepare([*ROWS, SAID])
    whole = train(prepared, "whole", max_steps=8)
    assert whole.run() == 0
    killed = train(prepared, "killed", max_steps=8)
    process = forge.run("wizard.stages.train", killed.path, str(killed.path), wait=False)
    deadline = time.monotonic() + 120
    while len(killed.events("checkpoint")) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process, signal.SIGKILL)
    newest = max(event["step"] for event in killed.events("checkpoint"))
    for half in (killed.path / "checkpoints").glob("checkpoint-*"):
        if int(half.name.rpartition("-")[2]) > newest:
            shutil.rmtree(half)
    (killed.path / "done.json").unlink(missing_ok=True)
    assert killed.run() == 0
    assert killed.notes() == ["resumed"]
    ends = [Path(each.done()["outputs"]["adapter"]) / "adapter_model.safetensors" for each in (whole, killed)]
    assert ends[0].read_bytes() == ends[1].read_bytes()
    assert {line["step"]: line["values"]["loss"] for line in killed.metrics()} == {
        line["step"]: line["values"]["loss"] for line in whole.metrics()
    }


@pytest.mark.parametrize("harm", ["gone", "cut short"])
def test_a_picture_that_cannot_be_opened_any_more_is_named(prepare: Any, train: Any, harm: str) -> None:
    prepared = prepare(ROWS[:2])
    pictures = sorted((prepared.path / "pictures").iterdir())
    assert len(pictures) == 2
    pictures[0].unlink() if harm == "gone" else pictures[0].write_bytes(pictures[0].read_bytes()[:60])
    trained = train(prepared)
    assert trained.run() == 1
    problem = trained.problem()
    assert (problem["code"], problem["params"]["path"]) == ("picture-gone", str(pictures[0]))
    pictures[0].unlink(missing_ok=True)
    Image.new("RGB", (56, 84), "red").save(pictures[0], "PNG")
    assert trained.run() == 0


def test_rows_kept_aside_are_asked_for_their_loss(prepare: Any, train: Any) -> None:
    trained = train(prepare([*ROWS, SAID], validation=0.4))
    assert trained.run() == 0
    assert 0 < trained.done()["result"]["validation_loss"] < 10


def test_an_answer_is_cut_and_a_row_whose_picture_no_longer_fits_is_left_out(prepare: Any, train: Any) -> None:
    long = [*ROWS[:3], row("red", 0, answer="Red, " * 100)]
    prepared = prepare(long, seq_len=64)
    assert (prepared.done()["result"]["cut"], prepared.done()["result"]["made"]) == (1, 4)
    whole = train(prepared, "whole", seq_len=64, max_steps=2)
    assert whole.run() == 0
    assert whole.notes() == []
    short = train(prepared, "short", seq_len=60, max_steps=1)
    assert short.run() == 0
    assert short.events("note")[0]["params"]["total"] == 4
    none = train(prepared, "none", seq_len=20)
    assert none.run() == 1
    assert none.problem()["code"] == "pictures-too-long"


def test_a_rehearsal_takes_the_rows_with_most_of_pictures(prepare: Any, train: Any, forged: Stages) -> None:
    prepared = prepare(ROWS)
    rehearsed = forged("rehearse")
    trained = train(prepared, max_steps=1)
    rehearsed.path.mkdir(parents=True)
    shutil.copy(trained.path / "spec.json", rehearsed.path / "spec.json")
    assert rehearsed.run() == 0, (rehearsed.path / "log.txt").read_text()[-3000:]
    assert rehearsed.done()["result"]["longest"] == prepared.done()["result"]["longest"]


def test_what_is_merged_answers_about_pictures_and_keeps_what_reads_them(
    prepare: Any, train: Any, merge: Any, tiny_seeing: Path
) -> None:
    prepared = prepare(ROWS)
    trained = train(prepared, settings={"tower": "lora", "projector": True})
    assert trained.run() == 0
    results = {}
    for held in (2, 4):
        made = merge(prepared, trained, weight_bytes=held)
        assert made.run() == 0, (made.path / "log.txt").read_text()[-3000:]
        results[held] = made.done()["result"]
    for result in results.values():
        assert result["parity"]["equal"] is True
        assert result["parity"]["pictures"] == 1
        assert 2 <= result["parity"]["tokens"] <= 16
        assert result["parity"]["max_logit_diff"] < 1e-4
        assert len(result["before"]) == 1
        assert result["prompts"]["talks"] > 3
    merged = Path(made.done()["outputs"]["merged"])
    for name in ("preprocessor_config.json", "chat_template.jinja", "tokenizer.json", "tokenizer_config.json"):
        assert (merged / name).read_bytes() == (tiny_seeing / name).read_bytes(), name
    ends = [json.loads((each / "generation_config.json").read_text())["eos_token_id"] for each in (merged, tiny_seeing)]
    assert ends[0] == ends[1]
    before, after = tensors(tiny_seeing / "model.safetensors"), tensors(merged / "model.safetensors")
    assert set(before) == set(after)


def test_a_training_that_changed_nothing_is_not_merged(prepare: Any, train: Any, merge: Any) -> None:
    prepared = prepare(ROWS[:2])
    trained = train(prepared, learning_rate=0.0, max_steps=1)
    assert trained.run() == 0
    made = merge(prepared, trained)
    assert made.run() == 1
    assert made.problem()["code"] == "merge-changed-nothing"
    assert not (made.path / "merged").exists()


def test_a_picture_gone_after_training_does_not_lose_the_merge(prepare: Any, train: Any, merge: Any) -> None:
    prepared = prepare(ROWS[:2])
    trained = train(prepared)
    assert trained.run() == 0
    shutil.rmtree(prepared.path / "pictures")
    made = merge(prepared, trained)
    assert made.run() == 0
    assert made.done()["result"]["parity"]["pictures"] == 0
