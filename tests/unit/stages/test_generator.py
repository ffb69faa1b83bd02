"""A server that writes the answers beside the training: started, awaited, ended with everything that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.stages.crews import SLEEP, UP, wait_for_cards
from tests.unit.stages.programs import KNOBS, LORA, Forge, StageRun, Stages
from wizard.catalog import builtin, load
from wizard.run import processes
from wizard.stages import generator
from wizard.stages.desk import Bench

HERE = Path(__file__).parent
ARGV = load([builtin()]).engines["trl-vllm"].argv
STAND_IN = [str(HERE / "stand_in_vllm.py"), *ARGV[2:]]
BESIDE = {"engine": "trl-vllm", "argv": STAND_IN, "cards": "1", "count": 1, "passing_bytes": 0}
Head = Callable[..., StageRun]


@pytest.fixture
def lone(head: Head, tmp_path: Path) -> Callable[[str], StageRun]:
    """One card that trains by this code, and a server beside."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"max_position_embeddings": 64}')
    return lambda code: head(code, cards=1, inputs={"fetch": {"model": model}}, generator=BESIDE)


def server(stage: StageRun) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((stage.path / "server.json").read_text())
    return told


def gone(stage: StageRun) -> bool:
    """The server and its worker."""
    told = server(stage)
    return not any(processes.alive(told[name], found.started) for name in ("pid", "worker")
                   if (found := processes.look(told[name])))  # fmt: skip


def test_the_cards_begin_when_it_is_well_and_it_ends_with_them(lone: Callable[[str], StageRun]) -> None:
    code = """
import urllib.request
told = {name: os.environ[name] for name in ("YCDY_GENERATOR", "NO_PROXY", "VLLM_HOST_IP")}
told["health"] = urllib.request.urlopen(told["YCDY_GENERATOR"] + "/health").status
(seat.folder / "card.json").write_text(__import__("json").dumps(told))
"""
    stage = lone(code)
    assert stage.run() == 0, (stage.path / "log.txt").read_text()
    told, card = server(stage), json.loads((stage.path / "card.json").read_text())
    assert (told["host"], told["meets"], told["cards"]) == ("127.0.0.1", "127.0.0.1", "1")
    assert (told["max_model_len"], told["tensor_parallel_size"], told["gpu_memory_utilization"]) == (64, 1, 0.92)
    assert card["YCDY_GENERATOR"] == f"http://127.0.0.1:{told['port']}"
    assert (card["health"], card["VLLM_HOST_IP"], card["NO_PROXY"].split(",")[-1]) == (200, *["127.0.0.1"] * 2)
    assert gone(stage)
    assert "GET /health" in (stage.path / "generator.log").read_text()
    assert stage.done()["result"] == {}


def test_one_that_dies_at_its_start_is_told_with_its_log(lone: Callable[[str], StageRun]) -> None:
    stage = lone(UP)
    stage.variables = {"MODE": "dies"}
    assert stage.run() == 1
    problem = stage.problem()
    assert (problem["code"], problem["params"]["exit"]) == ("engine-died", 1)
    assert "no room on this card" in Path(problem["params"]["log"]).read_text()
    assert not list(stage.path.glob("up-*"))


def test_one_that_is_never_well_is_told_and_ended(lone: Callable[[str], StageRun]) -> None:
    stage = lone(UP)
    code = stage.lib / "wizard" / "stages" / "engine.py"
    code.write_text(code.read_text().replace("START_SECONDS = 1800", "START_SECONDS = 1"))
    stage.variables = {"MODE": "silent"}
    assert stage.run() == 1
    assert stage.problem()["code"] == "engine-silent"
    assert gone(stage)


def test_one_that_ends_in_mid_training_ends_the_training_and_says_so(lone: Callable[[str], StageRun]) -> None:
    stage = lone(f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{UP}{SLEEP}")
    process = stage.start()
    (card,) = wait_for_cards(stage, process, 1)
    os.kill(server(stage)["pid"], signal.SIGKILL)
    assert process.wait() == 1
    problem = stage.problem()
    assert (problem["code"], problem["params"]["exit"]) == ("generator-died", -9)
    assert gone(stage) and not psutil.pid_exists(card)


def test_what_a_card_has_told_counts_and_not_the_end_of_the_server_that_it_left(
    lone: Callable[[str], StageRun],
) -> None:
    stage = lone("""
import json
tell("out-of-memory", stage="train", log="l")
os.kill(json.loads((seat.folder / "server.json").read_text())["pid"], signal.SIGKILL)
time.sleep(600)
""")
    assert stage.run() == 75
    assert stage.problem()["code"] == "out-of-memory"


@pytest.mark.parametrize("ready", [False, True])
def test_a_wish_to_stop_lets_the_card_save_and_ends_both(lone: Callable[[str], StageRun], ready: bool) -> None:
    saves = """
def save(*_):
    urllib.request.urlopen(os.environ["YCDY_GENERATOR"] + "/health"); (seat.folder / "saved").touch(); os._exit(143)
import urllib.request
signal.signal(signal.SIGTERM, save)
"""
    stage = lone(saves + UP + SLEEP)
    stage.variables = {} if ready else {"MODE": "silent"}
    process = stage.start()
    if ready:
        wait_for_cards(stage, process, 1)
    else:
        stage.wait_for(lambda _: (stage.path / "server.json").exists(), process)
    process.terminate()
    assert process.wait() == 143
    assert (stage.path / "saved").exists() == ready
    assert gone(stage) and stage.events("failed") == []


def test_a_killed_card_takes_it_along(lone: Callable[[str], StageRun]) -> None:
    stage = lone(UP + SLEEP)
    process = stage.start()
    os.kill(wait_for_cards(stage, process, 1)[0], signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert gone(stage)


def test_after_a_kill_of_the_stage_what_is_left_is_found_and_the_next_try_has_its_own(
    lone: Callable[[str], StageRun],
) -> None:
    stage = lone(f"{UP}(seat.folder / 'again').exists() or {SLEEP}")
    marker = {"YCDY_STAGE": "run/train"}
    stage.variables = marker
    process = stage.start()
    wait_for_cards(stage, process, 1)
    first = server(stage)
    process.kill()
    process.wait()
    assert processes.alive(first["pid"], processes.look(first["pid"]).started)  # type: ignore[union-attr]
    assert processes.end(lambda: processes.marked(marker)) >= 3  # as the supervisor does before each start
    assert gone(stage)
    (stage.path / "again").touch()
    assert stage.run() == 0, (stage.path / "log.txt").read_text()
    assert server(stage)["pid"] != first["pid"]
    assert gone(stage)


def test_several_cards_have_one_server(head: Head, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    code = "(seat.folder / f'asks-{card}').write_text(os.environ['YCDY_GENERATOR'])"
    stage = head(code, cards=3, inputs={"fetch": {"model": tmp_path}}, generator=BESIDE | {"cards": "3,4", "count": 2})
    assert stage.run() == 0, (stage.path / "log.txt").read_text()
    assert len({(stage.path / f"asks-{card}").read_text() for card in range(3)}) == 1
    told = server(stage)
    assert (told["cards"], told["tensor_parallel_size"], told["max_model_len"]) == ("3,4", 2, 128)
    assert (stage.path / "generator.log").read_text().count("GET /health") == 1


def test_on_a_card_it_leaves_room_for_new_weights_and_all_hear_of_boards_that_have_no_direct_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def told(command: list[str], env: dict[str, str], **_: Any) -> Any:
        asked.append((command[-1], env["CUDA_VISIBLE_DEVICES"]))
        return subprocess.CompletedProcess(command, 0, "a warning\n22000000000 24000000000 0\n")

    monkeypatch.setattr(generator.subprocess, "run", told)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    for name in generator.NO_DIRECT_WAY:
        monkeypatch.setenv(name, "")
    assert generator.share({"cards": "2", "passing_bytes": 3_000_000_000}, "cuda") == "0.791"
    assert asked == [("2", "0,1,2")]
    assert {name: os.environ[name] for name in generator.NO_DIRECT_WAY} == generator.NO_DIRECT_WAY


def test_trl_reads_its_command_line_and_starts_vllm_on_this_machine_alone(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = StageRun(tmp_path / "train", "train", Path(), Path(), tmp_path)
    (tmp_path / "config.json").write_text("{}")
    spec = {"knobs": {"seq_len": 2048}, "device": "cpu", "generator": BESIDE | {"argv": list(ARGV)}}
    stage.order(spec, {"fetch": {"model": tmp_path}})
    command, _ = generator.program(Bench(stage.path).order, 8123)
    assert command[1:3] == ["-m", "trl.scripts.vllm_serve"]
    out = tmp_path / "told.json"
    assert forge.run("check_generator", tmp_path, str(out), json.dumps(command[3:])) == 0, (
        tmp_path / "log.txt"
    ).read_text()
    told = json.loads(out.read_text())
    assert told["left"] == []
    wanted = {"host": "127.0.0.1", "port": 8123, "max_model_len": 2048, "gpu_memory_utilization": 0.92}
    assert {name: told["read"][name] for name in wanted} == wanted
    line, dev_mode = told["started"]
    assert line[line.index("--host") + 1] == "127.0.0.1" and dev_mode == "1"
    known = json.loads((HERE / "flags" / "vllm.json").read_text())["flags"]
    assert [flag for flag in line if flag.startswith("--") and flag not in known] == []


@pytest.fixture
def training(forged: Stages, prepared_for: Callable[[str], StageRun], tiny_model: Path) -> StageRun:
    """A train stage whose TRL has its answers written by the stand-in."""
    rows = prepared_for("grpo").done()["outputs"]
    own = str(HERE / "reward_of_letters.py")
    settings = {"num_generations": 2, "max_completion_length": 8, "reward_file": own, "rewards": []}
    settings |= {"use_vllm": True, "vllm_mode": "server"}
    spec = {"trainer": "grpo", "settings": settings, "method": LORA, "device": "cpu", "generator": BESIDE}
    knobs = KNOBS | {"max_steps": 4, "micro_batch": 4}
    train = forged("train", YCDY_TEST_CODE=str(HERE / "no_exchange.py"))
    return train.order({**spec, "knobs": knobs}, {"fetch": {"model": tiny_model}, "prepare": rows})


def test_trl_learns_from_answers_that_its_server_wrote(training: StageRun) -> None:
    assert training.run() == 0, (training.path / "log.txt").read_text()[-3000:]
    asked = (training.path / "generator.log").read_text()
    assert asked.count("POST /v1/completions") >= 4
    assert {"code": "start-generator"}.items() <= training.events("phase")[0].items()
    assert all(step["values"]["completions/mean_length"] == 8 for step in training.metrics())
    assert gone(training)


def test_a_training_that_lost_its_server_goes_on_from_its_checkpoint(training: StageRun) -> None:
    assert training.forge is not None
    slow = training.path / "slow.py"
    slow.write_text("import time\nfrom trl import GRPOTrainer as T\nold = T.training_step\n"
                    "T.training_step = lambda *a, **k: (time.sleep(0.3), old(*a, **k))[1]\n")  # fmt: skip
    kept = dict(training.variables)
    variables = kept | {"YCDY_TEST_CODE": f"{kept['YCDY_TEST_CODE']}{os.pathsep}{slow}"}
    child = training.forge.run("wizard.stages.train", training.path, str(training.path), wait=False, **variables)
    deadline = time.monotonic() + 60
    while not training.events("checkpoint"):
        assert time.monotonic() < deadline, (training.path / "log.txt").read_text()[-3000:]
        time.sleep(0.02)
    os.kill(server(training)["pid"], signal.SIGKILL)
    assert training.forge.wait(child) == 1
    assert training.problem()["code"] == "generator-died"
    assert training.run() == 0, (training.path / "log.txt").read_text()[-3000:]
    assert "resumed" in training.notes()
    assert gone(training)


def test_a_rehearsal_has_a_server_of_its_own(training: StageRun) -> None:
    rehearsal = replace(training, name="rehearse")
    assert rehearsal.run() == 0, (rehearsal.path / "log.txt").read_text()[-3000:]
    assert rehearsal.done()["result"]["seconds_per_step"] > 0
    assert "POST /v1/completions" in (rehearsal.path / "generator.log").read_text()
    assert gone(rehearsal)
