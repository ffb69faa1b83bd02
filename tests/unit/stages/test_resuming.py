"""Whatever ends a training, and wherever: it goes on, and ends as one that nothing happened to."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, SFT, Forge, StageRun, Stages, environment
from tests.unit.stages.test_prepared import FULL

DROPOUT = {**LORA, "settings": {"lora_dropout": 0.2}}  # so that random numbers matter
WHOLE = {"id": "full", "base": "whole", "trainable": "all", "tuner": "full", "settings": {}, "arguments": {}}
STEADY = {**KNOBS, "save_steps": 3, "max_steps": 8}


@pytest.fixture
def make(forged: Stages, tiny_model: Path, tiny_rows: Path) -> Any:
    def ordered(folder: str, rows: Path = tiny_rows, method: dict[str, Any] = DROPOUT, **more: Any) -> StageRun:
        settings, validation = more.pop("settings", {}), more.pop("validation", False)
        spec = {"knobs": STEADY | more, **SFT, "method": method, "settings": settings, "device": "cpu"}
        prepared = {"rows": rows, **({"validation": tiny_rows} if validation else {})}
        return forged("train", folder).order(spec, {"fetch": {"model": tiny_model}, "prepare": prepared})

    return ordered


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path) -> Path:
    from tests.unit.stages.programs import ROWS

    folder = tmp_path_factory.mktemp("streamed")
    prepare = StageRun(folder / "prepare", "prepare", trl_python, lib, folder)
    prepare.order({"data": {"kind": "bundled"}, "rows": ROWS, "knobs": KNOBS}, {"fetch": {"model": tiny_model}})
    command = [str(trl_python), "-c", FULL, str(prepare.path)]
    subprocess.run(command, env=environment(lib), cwd=prepare.path, check=True)
    return Path(prepare.done()["outputs"]["rows"])


def dies(train: StageRun, how: str) -> int:
    assert isinstance(train.forge, Forge)
    return train.forge.run("dying", train.path, str(train.path), DIE=how, **train.variables)


def losses(train: StageRun) -> dict[int, float]:
    return {line["step"]: line["values"]["loss"] for line in train.metrics() if "loss" in line["values"]}


def weights(train: StageRun) -> str:
    (folder,) = train.done()["outputs"].values()
    told = hashlib.sha256()
    for file in sorted(Path(folder).glob("*.safetensors")):
        told.update(file.read_bytes())
    return told.hexdigest()


def same(one: StageRun, other: StageRun) -> bool:
    return losses(one) == losses(other) and weights(one) == weights(other)


CASES: dict[str, dict[str, Any]] = {
    "an adapter, in mid-epoch, with accumulation": {"accumulate": 2},
    "a whole model": {"method": WHOLE, "learning_rate": 1e-3},
    "packed rows": {"packing": True, "seq_len": 64},
    "with processes that read rows": {"settings": {"dataloader_num_workers": 2}},
    "with rows kept back": {"validation": True},
}


@pytest.mark.parametrize("case", CASES)
def test_a_killed_training_ends_as_one_that_was_not(make: Any, case: str) -> None:
    whole, killed = make("whole", **CASES[case]), make("killed", **CASES[case])
    assert whole.run() == 0
    assert dies(killed, "kill step 5") == -signal.SIGKILL
    assert killed.run() == 0
    assert killed.notes() == ["resumed"]
    assert sorted(losses(killed)) == list(range(1, 9))
    assert same(killed, whole)


def test_a_stream_goes_on_at_the_row_it_had_come_to_in_whatever_round(make: Any, streamed: Path) -> None:
    whole, killed = make("whole", streamed, max_steps=0, epochs=2.5), make("killed", streamed, max_steps=0, epochs=2.5)
    assert whole.run() == 0
    assert whole.done()["result"]["steps"] == 15  # of 12 rows by twos
    assert dies(killed, "kill step 11") == -signal.SIGKILL
    assert killed.run() == 0
    assert same(killed, whole)


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(make: Any) -> None:
    whole, killed = make("whole"), make("killed")
    assert whole.run() == 0
    assert dies(killed, "kill saving 6") == -signal.SIGKILL
    assert [path.name for path in (killed.path / "checkpoints").glob("checkpoint-*")] == ["checkpoint-3"]
    assert killed.run() == 0
    assert killed.notes() == ["resumed"]  # nothing is damaged: it was no checkpoint yet
    assert not (killed.path / "checkpoints" / "unfinished").exists()
    assert same(killed, whole)


@pytest.mark.parametrize("where", ["step 4", "substep 4", "saving 3", "validating 3"])
def test_a_wish_to_stop_is_met_wherever_it_finds_the_training(make: Any, where: str) -> None:
    told = {"accumulate": 3, "validation": True}
    whole, stopped = make("whole", **told), make("stopped", **told)
    assert whole.run() == 0
    assert dies(stopped, f"term {where}") == 143
    last = stopped.events("checkpoint")[-1]["step"]
    assert last == {"step 4": 4, "substep 4": 4, "saving 3": 3, "validating 3": 3}[where]
    assert stopped.events("failed") == []
    assert stopped.run() == 0
    assert same(stopped, whole)


def test_lack_of_memory_goes_on_from_the_last_checkpoint_with_the_same_rows_a_step(make: Any) -> None:
    """A lower rung: as many rows a step, in smaller parts. The loss of a step is that of the same rows."""
    whole, short = make("whole", method=LORA, micro_batch=4), make("short", method=LORA, micro_batch=4)
    assert whole.run() == 0
    assert dies(short, "memory step 5") == 75
    order = json.loads((short.path / "spec.json").read_text())
    order["spec"]["knobs"] |= {"micro_batch": 1, "accumulate": 4}
    (short.path / "spec.json").write_text(json.dumps(order))
    assert short.run() == 0
    assert short.events("note")[-1]["params"] == {"step": 3}
    assert short.done()["result"]["steps"] == whole.done()["result"]["steps"] == 8
    assert losses(short) == pytest.approx(losses(whole), rel=1e-3)
    assert short.done()["result"]["tokens"] > 0


def test_what_is_no_number_goes_back_and_on_with_a_lower_rate(make: Any) -> None:
    astray = make("astray")
    assert dies(astray, "nan step 4") == 1
    assert astray.problem() == {"code": "loss-not-finite", "params": {"step": 5}}
    order = json.loads((astray.path / "spec.json").read_text())
    order["spec"]["knobs"]["learning_rate"] = KNOBS["learning_rate"] * 0.3
    (astray.path / "spec.json").write_text(json.dumps(order))
    assert astray.run() == 0
    assert astray.notes() == ["learning-rate-changed", "resumed"]
    rates = {line["step"]: line["values"]["learning_rate"] for line in astray.metrics()}
    straight = {step: KNOBS["learning_rate"] * (8 - step + 1) / 8 for step in range(1, 9)}
    assert rates == pytest.approx({step: rate * (0.3 if step > 3 else 1) for step, rate in straight.items()})
    assert astray.run() == 0  # from a checkpoint that knows the lower rate: it is lowered once
    assert astray.notes().count("learning-rate-changed") == 1


def test_a_training_that_hangs_says_where_and_ends_itself(make: Any) -> None:
    hangs = make("hangs", accumulate=2)
    assert dies(hangs, "hang substep 4") == 1
    told = hangs.problem()
    assert (told["code"], told["params"]["phase"], told["params"]["step"]) == ("training-hangs", "step", 4)
    assert hangs.run() == 0
    assert hangs.notes() == ["resumed"]


def test_more_steps_go_on_behind_the_last_row(make: Any) -> None:
    longer = make("longer")
    assert longer.run() == 0
    order = json.loads((longer.path / "spec.json").read_text())
    order["spec"]["knobs"]["max_steps"] = 11
    (longer.path / "spec.json").write_text(json.dumps(order))
    (longer.path / "done.json").unlink()
    assert longer.run() == 0
    assert longer.events("note")[-1]["params"] == {"step": 8}
    assert sorted(losses(longer)) == list(range(1, 12))


def test_minutes_save_as_well_as_steps_and_the_best_is_kept(make: Any) -> None:
    often = make("often", save_steps=1000, save_minutes=1e-9, validation=True)
    assert often.run() == 0
    assert [event["step"] for event in often.events("checkpoint")] == list(range(1, 9))
    told = {line["step"]: line["values"]["eval_loss"] for line in often.metrics() if "eval_loss" in line["values"]}
    best = often.done()["result"]["best_step"]
    kept = {path.name for path in (often.path / "checkpoints").glob("checkpoint-*")}
    assert kept == {"checkpoint-7", "checkpoint-8", f"checkpoint-{best}"}
    assert best == min(told, key=lambda step: (told[step], -step))
