"""What the train stage makes of prepared rows: as they lie, packed, streamed, shortened, with some kept back."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, ROWS, SFT, StageRun, Stages, environment

FULL = """
import sys
from wizard.stages import prepare
prepare.room_for_training = lambda model: 1 << 60
prepare.run(prepare.work)
"""


@pytest.fixture
def train(stage: Stages, trl_python: Path, tiny_model: Path) -> Any:
    def ordered(rows: Path, *, rehearse: bool = False, validation: str = "", **knobs: Any) -> StageRun:
        spec = {"knobs": KNOBS | knobs, **SFT, "device": "cpu", "rehearse": rehearse}
        prepared = {"rows": str(rows), **({"validation": validation} if validation else {})}
        made = stage("train", trl_python)
        return made.order(spec, {"fetch": {"model": tiny_model}, "prepare": prepared})

    return ordered


@pytest.fixture
def prepare(stage: Stages, trl_python: Path, tiny_model: Path) -> Any:
    def ordered(**data: Any) -> StageRun:
        made = stage("prepare", trl_python)
        return made.order({"data": data, "rows": ROWS, "knobs": KNOBS}, {"fetch": {"model": tiny_model}})

    return ordered


def test_packed_rows_do_not_see_each_other_and_learn_the_same(
    trl_python: Path, lib: Path, tiny_model: Path, tiny_rows: Path, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("check_packing.py")
    command = [str(trl_python), str(script), str(tiny_model), str(tiny_rows), str(tmp_path / "out")]
    offline = environment(lib, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    told = json.loads(subprocess.run(command, check=True, env=offline, capture_output=True).stdout.splitlines()[-1])
    assert told["batches"] < len(ROWS)
    assert told["rows"] > 2
    assert told["widest"] < 1e-5
    assert told["labels"]


def test_what_the_disk_cannot_hold_is_made_while_it_is_trained_on(prepare: Any, train: Any) -> None:
    prepared = prepare()
    command = [str(prepared.python), "-c", FULL, str(prepared.path)]
    subprocess.run(command, env=environment(prepared.lib), cwd=prepared.path, check=True)
    made = train(Path(prepared.done()["outputs"]["rows"]), rehearse=True, max_steps=0, epochs=2.0)
    assert made.run() == 0
    assert made.done()["result"]["steps"] == 2 * len(ROWS) / KNOBS["micro_batch"]
    (told,) = made.events("rehearsed")
    assert told["longest"] == prepared.done()["result"]["longest"]
    losses = [line["values"]["loss"] for line in made.metrics()]
    assert losses[-1] < losses[0]


def test_rows_that_are_kept_back_are_asked_for_their_loss(prepare: Any, train: Any) -> None:
    prepared = prepare(validation=0.4)
    assert prepared.run() == 0
    outputs = prepared.done()["outputs"]
    made = train(Path(outputs["rows"]), validation=outputs["validation"])
    assert made.run() == 0
    assert 0 < made.done()["result"]["validation_loss"] < 10


def test_a_sequence_made_shorter_cuts_the_rows_and_leaves_out_those_without_an_answer(
    trl_python: Path, lib: Path, tiny_rows: Path
) -> None:
    code = (
        "import json, sys; from pathlib import Path; from wizard.stages.prepared import rows_of\n"
        "told = [[len(row['input_ids']), max(row['labels'])]"
        " for row in rows_of(Path(sys.argv[1]), {'seq_len': int(sys.argv[2])})]; print(json.dumps(told))"
    )

    def read(limit: int) -> list[list[int]]:
        command = [str(trl_python), "-c", code, str(tiny_rows), str(limit)]
        done = subprocess.run(command, check=True, env=environment(lib), capture_output=True)
        told: list[list[int]] = json.loads(done.stdout.splitlines()[-1])
        return told

    whole, short = read(KNOBS["seq_len"]), read(50)
    assert len(whole) == len(ROWS)
    assert {length for length, _ in short} == {50}
    assert all(label >= 0 for _, label in short)
    assert read(10) == []
