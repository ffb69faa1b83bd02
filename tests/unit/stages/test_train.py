from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, SFT, StageRun, Stages, environment, kill


@pytest.fixture
def make(stage: Stages, trl_python: Path, tiny_model: Path, tiny_rows: Path) -> Any:
    def ordered(folder: str, method: dict[str, Any] = LORA, **knobs: Any) -> StageRun:
        spec = {"knobs": KNOBS | knobs, **SFT, "method": method, "device": "cpu"}
        inputs = {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
        return stage("train", trl_python, folder).order(spec, inputs)

    return ordered


def adapter(train: StageRun) -> str:
    return hashlib.sha256(
        (Path(train.done()["outputs"]["adapter"]) / "adapter_model.safetensors").read_bytes()
    ).hexdigest()


def curve(train: StageRun) -> dict[int, float]:
    return {line["step"]: line["values"]["loss"] for line in train.metrics()}


def checkpoints(train: StageRun) -> list[str]:
    return sorted(path.name for path in (train.path / "checkpoints").glob("checkpoint-*"))


def test_a_killed_and_resumed_run_ends_with_the_same_adapter(make: Any) -> None:
    whole = make("whole")
    assert whole.run() == 0
    assert whole.done()["result"]["steps"] == KNOBS["max_steps"]
    assert sorted(curve(whole)) == list(range(1, KNOBS["max_steps"] + 1))
    assert {"loss", "grad_norm", "learning_rate", "tokens_per_second", "step_seconds"} <= set(
        whole.metrics()[0]["values"]
    )
    assert curve(whole)[KNOBS["max_steps"]] < curve(whole)[1]
    assert [event["step"] for event in whole.events("checkpoint")] == [2, 4, 6, 8]

    killed = make("killed")
    process = killed.start()
    killed.wait_for(lambda train: len(train.events("checkpoint")) >= 2, process)
    kill(process)
    assert not (killed.path / "done.json").exists()
    newest = max(killed.events("checkpoint"), key=lambda event: event["step"])
    for half in Path(newest["path"]).parent.glob("checkpoint-*"):  # which the kill may have left behind it
        if int(half.name.rpartition("-")[2]) > newest["step"]:
            shutil.rmtree(half)
    weights = Path(newest["path"]) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert killed.run() == 0
    assert killed.notes() == ["checkpoint-damaged", "resumed"]
    assert adapter(killed) == adapter(whole)
    assert curve(killed) == curve(whole)


DIES = """
import os, signal
from wizard.stages import reporter
begin = reporter.Reporter.on_step_begin
def on(self, args, state, control, **more):
    if state.global_step == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    begin(self, args, state, control, **more)
reporter.Reporter.on_step_begin = on
"""


@pytest.mark.parametrize("base", ["nf4", "int8"])
def test_an_adapter_beside_a_small_base_goes_on_as_wide_as_it_was(
    forged: Stages, tiny_model: Path, tiny_rows: Path, tmp_path: Path, base: str
) -> None:
    code = tmp_path / "dies.py"
    code.write_text(DIES)

    def made(folder: str, **variables: str) -> StageRun:
        method = LORA | {"id": f"qlora-{base}", "base": base}
        spec = {"knobs": KNOBS | {"max_steps": 5}, **SFT, "method": method, "device": "cpu"}
        inputs = {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
        return forged("train", folder, **variables).order(spec, inputs)

    whole, killed = made("whole"), made("killed", YCDY_TEST_CODE=str(code))
    assert whole.run() == 0
    assert killed.run() == -signal.SIGKILL
    killed.variables.pop("YCDY_TEST_CODE")
    assert killed.run() == 0
    assert killed.notes() == ["resumed"]
    assert curve(killed) == curve(whole)
    assert adapter(killed) == adapter(whole)


def test_sigterm_leaves_a_checkpoint_to_go_on_from(make: Any) -> None:
    train = make("stopped", max_steps=4000, save_steps=100000)
    process = train.start()
    train.wait_for(lambda stage: len(stage.metrics()) >= 2, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert not (train.path / "done.json").exists()
    assert train.events("failed") == []
    step = train.events("checkpoint")[-1]["step"]
    assert checkpoints(train) == [f"checkpoint-{step}"]
    assert train.metrics()[-1]["step"] == step


def test_a_loss_that_is_no_number_stops_the_run(make: Any) -> None:
    train = make("nan", learning_rate=1e30, max_steps=8)
    assert train.run() == 1
    problem = train.problem()
    assert problem["code"] == "loss-not-finite"
    last = train.metrics()[-1]
    assert last["step"] == problem["params"]["step"]
    assert None in last["values"].values()
    assert f"checkpoint-{last['step']}" not in checkpoints(train)


def test_dora_and_other_targets_reach_the_adapter(make: Any) -> None:
    train = make(
        "dora", method={**LORA, "settings": {"use_dora": True}}, targets=["q_proj", "v_proj"], rank=2, max_steps=2
    )
    assert train.run() == 0
    config = json.loads((Path(train.done()["outputs"]["adapter"]) / "adapter_config.json").read_text())
    assert config["use_dora"] is True
    assert (sorted(config["target_modules"]), config["r"]) == (["q_proj", "v_proj"], 2)


def test_no_library_complains_of_what_it_was_told(make: Any) -> None:
    train = make("quiet", grad_ckpt=True, max_steps=1)
    assert train.run() == 0
    ours = ("`gradient_checkpointing`", "exclude_modules")
    log = (train.path / "log.txt").read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if any(name in line for name in ours)] == []


def test_a_damaged_model_is_named_before_anything_is_loaded(make: Any, tmp_path: Path) -> None:
    train = make("damaged")
    order = json.loads((train.path / "spec.json").read_text())
    order["inputs"]["fetch"]["model"] = str(tmp_path)
    (train.path / "spec.json").write_text(json.dumps(order))
    assert train.run() == 1
    assert train.problem()["code"] == "model-file-missing"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "run"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs root to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_waited_for_and_loses_nothing(make: Any, small_disk: Path) -> None:
    train = make("train", max_steps=60, save_steps=5, rank=32)
    process = train.start()
    train.wait_for(lambda stage: len(stage.events("checkpoint")) >= 1, process)
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 200_000)))
    train.wait_for(lambda stage: "disk-waits" in stage.notes(), process)
    waits = len(train.metrics())
    assert checkpoints(train)
    assert process.poll() is None
    ballast.unlink()
    assert process.wait() == 0
    assert waits < 60
    assert [line["step"] for line in train.metrics()] == list(range(1, 61))
    assert train.events("checkpoint")[-1]["step"] == 60


def test_sigterm_ends_a_training_that_waits_for_room(make: Any, small_disk: Path) -> None:
    train = make("train", max_steps=4000, save_steps=5, rank=32)
    process = train.start()
    train.wait_for(lambda stage: len(stage.events("checkpoint")) >= 1, process)
    free = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 200_000)))
    train.wait_for(lambda stage: "disk-waits" in stage.notes(), process)
    process.terminate()
    assert process.wait() == 143
    assert checkpoints(train)


NARROW = """
import resource, runpy, sys
import peft, torch, trl.trainer.sft_trainer
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (700 << 20),) * 2)
runpy.run_module("wizard.stages.train", run_name="__main__")
"""


def test_lack_of_memory_ends_with_its_own_exit_code(make: Any) -> None:
    train = make("memory", rank=400_000, max_steps=1)
    with (train.path / "log.txt").open("ab") as log:
        ended = subprocess.run(
            [str(train.python), "-c", NARROW, str(train.path)],
            cwd=train.path,
            env=environment(train.lib),
            stdout=log,
            stderr=log,
        )
    assert train.problem()["code"] == "out-of-memory"
    assert ended.returncode == 75
