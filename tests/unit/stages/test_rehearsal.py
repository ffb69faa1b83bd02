from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.stages.programs import KNOBS, SFT, StageRun, Stages, environment
from wizard.contract import MEMORY_KNOBS
from wizard.stages.meters import ProcessMeter
from wizard.stages.rehearsal import compared, memory_knobs
from wizard.stages.rehearse import kept, longest, longest_rows

CASE = {"model": "tiny", "method": "lora", "board": "cpu", "engine": "trl"}
FORECAST = {"peak_bytes": 10**8, "reserved_bytes": 2 * 10**8, "card_bytes": 10**9, "seconds_per_step": 0.5}


def forecasts(**knobs: Any) -> dict[str, Any]:
    return {"knobs": memory_knobs(KNOBS | knobs), **FORECAST}


@pytest.fixture
def make(stage: Stages, trl_python: Path, tiny_model: Path, tiny_rows: Path) -> Any:
    def ordered(folder: str, rehearse: bool = True, **knobs: Any) -> StageRun:
        spec = {
            "knobs": KNOBS | {"max_steps": 4} | knobs,
            **SFT,
            "device": "cpu",
            "rehearse": rehearse,
            "rehearsal": {"case": CASE, "forecasts": [forecasts(**knobs)]},
        }
        inputs = {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
        return stage("train", trl_python, folder).order(spec, inputs)

    return ordered


def curve(train: StageRun) -> list[dict[str, float]]:
    return [{name: line["values"][name] for name in ("loss", "grad_norm")} for line in train.metrics()]


def weights(train: StageRun) -> bytes:
    return (Path(train.done()["outputs"]["adapter"]) / "adapter_model.safetensors").read_bytes()


def test_training_after_a_rehearsal_is_as_if_there_had_been_none(make: Any, tiny_rows: Path) -> None:
    with_one, without = make("with"), make("without", rehearse=False)
    assert with_one.run() == 0
    assert without.run() == 0
    assert curve(with_one) == curve(without)
    assert weights(with_one) == weights(without)
    assert without.events("rehearsed") == []
    (told,) = with_one.events("rehearsed")
    assert told["case"] == {**CASE, "knobs": memory_knobs(KNOBS)}
    assert told["predicted"] == FORECAST
    assert told["measured"]["card_bytes"] > told["measured"]["peak_bytes"] > 0
    assert told["ratio"] == round(told["measured"]["card_bytes"] / FORECAST["card_bytes"], 4)
    assert told["seconds_per_step"] > 0
    report = json.loads((tiny_rows.parent / "report.json").read_text())
    assert told["longest"] == report["longest"]
    assert with_one.done()["result"]["rehearsal"]["ratio"] == told["ratio"]
    counted = [event["done"] for event in with_one.events("progress") if event["total"] == 20]
    assert counted[-1] == 20
    assert list((with_one.path / "rehearsal").glob("checkpoints/*")) == []


def test_what_was_rehearsed_is_not_rehearsed_again(make: Any) -> None:
    train = make("again")
    assert train.run() == 0
    (train.path / "done.json").unlink()
    assert train.run() == 0
    assert len(train.events("rehearsed")) == 1
    assert "rehearsal" in train.done()["result"]


def test_a_wish_to_stop_ends_the_rehearsal_too(make: Any) -> None:
    train = make("stopped", accumulate=1)
    process = train.start()
    train.wait_for(lambda stage: bool(stage.events("phase")), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert not (train.path / "rehearsal" / "done.json").exists()
    assert (train.events("rehearsed"), train.events("failed")) == ([], [])


def test_a_rehearsal_that_breaks_stops_no_training(make: Any) -> None:
    train = make("broken")
    process = train.start()
    train.wait_for(lambda _: bool(psutil.Process(process.pid).children()), process)
    (rehearsal,) = psutil.Process(process.pid).children()
    rehearsal.kill()
    assert process.wait() == 0
    assert train.notes() == ["rehearsal-failed"]
    assert "rehearsal" not in train.done()["result"]


NARROW = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_DATA, (3 << 30,) * 2)
runpy.run_module("wizard.stages.train", run_name="__main__")
"""


def test_lack_of_memory_shows_in_the_rehearsal(make: Any) -> None:
    train = make("memory", rank=400_000)
    with (train.path / "log.txt").open("ab") as log:
        ended = subprocess.run(
            [str(train.python), "-c", NARROW, str(train.path)],
            cwd=train.path,
            env=environment(train.lib),
            stdout=log,
            stderr=log,
        )
    assert train.problem()["code"] == "rehearsal-out-of-memory"
    assert ended.returncode == 75
    assert train.metrics() == []


def test_the_longest_batch_comes_before_and_after_the_first_optimizer_step() -> None:
    knobs = {"micro_batch": 2, "packing": False, "seq_len": 64}
    chosen = longest_rows(range(1, 101), knobs)
    assert len(chosen) == 40
    assert chosen[:2] == [99, 98]
    assert chosen[:20] == chosen[20:]
    assert longest([3, 7], knobs) == 7
    assert longest([3, 700], knobs) == 64


def test_few_rows_come_again() -> None:
    assert len(longest_rows([5], {"micro_batch": 4, "packing": False, "seq_len": 64})) == 80


def test_packed_rows_fill_every_micro_batch() -> None:
    knobs = {"micro_batch": 2, "packing": True, "seq_len": 50}
    lengths = [30, 20, 10]
    assert sum(lengths[place] for place in longest_rows(lengths, knobs)) >= 20 * 2 * 50
    assert longest([30], knobs) == 50


@pytest.mark.parametrize(("wanted", "taken"), [(1, 1), (2, 2), (3, 2), (4, 4), (16, 4)])
def test_accumulation_is_kept_as_far_as_twenty_steps_allow(wanted: int, taken: int) -> None:
    assert kept(wanted) == taken


def test_other_knobs_than_those_forecast_are_compared_with_nothing() -> None:
    class Given:
        knobs = KNOBS | {"micro_batch": 1}
        spec = {"rehearsal": {"case": CASE, "forecasts": [forecasts()]}}  # noqa: RUF012
        rung = 1

    result = {"longest": 9, "left_bytes": 1, "micro_step_seconds": 0.5, **FORECAST}
    told = compared(Given(), result)  # type: ignore[arg-type]
    assert (told["predicted"], told["ratio"], told["case"]["knobs"]["micro_batch"]) == ({}, 0.0, 1)
    assert set(told["case"]["knobs"]) <= set(MEMORY_KNOBS)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_stand_in_meter_sees_what_was_held_and_given_back() -> None:
    meter = ProcessMeter()
    meter.reset()
    before = meter.read()
    held = bytearray(64 << 20)
    for place in range(0, len(held), 4096):
        held[place] = 1
    del held
    after = meter.read()
    assert after.allocated - before.allocated > 48 << 20
    assert after.card > after.allocated
