"""Rows with pictures, from the file to the batch that TRL's collator makes of them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.unit.stages.programs import KNOBS, StageRun, Stages, environment
from wizard.contract import DataSource

SCRIPT = Path(__file__).with_name("check_pictures.py")
TALK = [
    {"role": "user", "content": "<image>What is it?"},
    {"role": "assistant", "content": "A red box."},
    {"role": "user", "content": "<image>And this?"},
    {"role": "assistant", "content": "A thin one."},
]
ROWS = [
    {"messages": TALK, "images": ["red.png", "pictures/thin.jpg"]},
    {"messages": TALK[:2], "images": ["none.png"]},
    {"messages": TALK[:2], "images": ["broken.png"]},
    {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]},
    {"messages": [{"role": "user", "content": "<video>What?"}, TALK[1]], "videos": ["film.mp4"]},
]


@pytest.fixture(scope="module")
def seeing_model(trl_python: Path, lib: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeing")
    subprocess.run([str(trl_python), str(SCRIPT), str(folder), "model"], check=True, env=environment(lib))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (400, 300), "red").save(tmp_path / "red.png")
    Image.new("RGB", (900, 120), "blue").save(tmp_path / "pictures" / "thin.jpg")
    (tmp_path / "broken.png").write_bytes((tmp_path / "red.png").read_bytes()[:200])
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


def ordered(prepare: StageRun, model: Path, file: Path, *, task: str, seq_len: int = 8192) -> StageRun:
    data = {"kind": "path", "sources": [asdict(DataSource(ref=str(file)))]}
    return prepare.order(
        {"data": data, "task": task, "knobs": {**KNOBS, "seq_len": seq_len}}, {"fetch": {"model": model}}
    )


def refused(prepare: StageRun) -> dict[int, str]:
    return {line["line"]: line["code"] for line in prepare.lines("report.jsonl")}


def collated(prepare: StageRun, model: Path) -> list[dict[str, Any]]:
    command = [str(prepare.python), str(SCRIPT), str(model), prepare.done()["outputs"]["rows"]]
    done = subprocess.run(command, check=True, env=environment(prepare.lib), capture_output=True, text=True)
    told: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_pictures_reach_trl_s_collator_with_the_loss_on_the_answers_and_the_lengths_that_were_told(
    stage: Stages, trl_python: Path, seeing_model: Path, source: Path
) -> None:
    prepare = ordered(stage("prepare", trl_python), seeing_model, source, task="vision")
    assert prepare.run() == 0, (prepare.path / "log.txt").read_text()[-3000:]
    assert refused(prepare) == {2: "missing-media", 3: "broken-media", 5: "media-video"}
    batches = collated(prepare, seeing_model)
    assert [batch["learnt"] for batch in batches] == [
        "A red box.<|im_end|>\n",
        "A thin one.<|im_end|>\n",
        "Me.<|im_end|>\n",
    ]
    assert [batch["row"]["tokens"] for batch in batches] == [batch["tokens"] for batch in batches]
    assert [len(batch["row"]["images"]) for batch in batches] == [1, 2, 0]
    assert all(Path(path).is_absolute() for batch in batches for path in batch["row"]["images"])
    assert batches[0]["cuts"] > 1
    assert batches[0]["loss"] > 0
    result = prepare.done()["result"]
    assert (result["usable"], result["made"]) == (2, 3)
    assert result["longest"] == max(batch["tokens"] for batch in batches)
    assert result["tokens"] == sum(batch["tokens"] for batch in batches)


def test_what_leaves_no_room_for_an_answer_is_left_out_whole(
    stage: Stages, trl_python: Path, seeing_model: Path, source: Path
) -> None:
    prepare = ordered(stage("prepare", trl_python), seeing_model, source, task="vision", seq_len=512)
    assert prepare.run() == 0
    assert refused(prepare)[1] == "prompt-too-long"


def test_another_way_of_training_leaves_pictures_out_by_name(
    stage: Stages, trl_python: Path, seeing_model: Path, source: Path
) -> None:
    prepare = ordered(stage("prepare", trl_python), seeing_model, source, task="sft")
    assert prepare.run() == 0
    assert refused(prepare)[1] == "media-not-trained"


@pytest.mark.parametrize("task", ["vision", "sft"])
def test_a_model_that_does_not_see_refuses_pictures_by_name(
    stage: Stages, trl_python: Path, tiny_model: Path, source: Path, task: str
) -> None:
    prepare = ordered(stage("prepare", trl_python), tiny_model, source, task=task)
    assert prepare.run() == 0
    unseen = dict.fromkeys((1, 2, 3), "media-unseen")
    assert refused(prepare) == {**unseen, 5: "media-video"}
    reason = prepare.events("note")[0]["params"]["reason"]
    assert reason["params"]["family"] == "llama"
