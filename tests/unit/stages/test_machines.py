"""Two machines are two folders here, each with a card's process of its own; they meet on the loopback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, SFT, Forge, StageRun, environment
from tests.unit.stages.test_sharing import ASKED, FULL, KILLED, curve, near, weights, with_code
from wizard.stages.ports import claim

APART = """
import os
from wizard.stages import meeting
meeting.seen = lambda file, token: str(file).startswith(os.getcwd())
"""  # as if each had a disk of its own
TWO = KNOBS | {"max_steps": 4, "accumulate": 2, "save_steps": 2, "learning_rate": 1e-3, "dtype": "fp32", "nodes": 2}
Pair = tuple[StageRun, StageRun]


@pytest.fixture
def make(
    tmp_path: Path, sharing_forge: Forge, trl_python: Path, lib: Path, tiny_model: Path, tiny_rows: Path
) -> Callable[..., Pair]:
    def pair(method: dict[str, Any] = LORA, name: str = "run", code: str = "", **knobs: Any) -> Pair:
        made = []
        for rank in (0, 1):
            spec = {"knobs": TWO | knobs, **SFT, "method": method, "device": "cpu"}
            folder = tmp_path / f"{name}-{rank}"
            stage = StageRun(folder / "train", "train", trl_python, lib, folder, {}, sharing_forge)
            made.append(stage.order(spec, {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}))
        return with_code(made[0], code), with_code(made[1], code)

    return pair


def begin(machine: StageRun, rank: int, port: int) -> int:
    variables = {**machine.variables, "YCDY_NODE_RANK": str(rank), "YCDY_RENDEZVOUS": f"127.0.0.1:{port}"}
    assert machine.forge
    given = {"GLOO_SOCKET_IFNAME": "lo", **variables}
    return machine.forge.run("wizard.stages.train", machine.path, str(machine.path), wait=False, **given)


def ended(machines: Pair, forge: Forge) -> tuple[int, int]:
    port = claim("127.0.0.1", 0)
    children = [begin(machine, rank, port) for rank, machine in enumerate(machines)]
    first, second = [forge.wait(child) for child in children]
    return first, second


def logs(machines: Pair) -> str:
    return "\n=====\n".join((machine.path / "log.txt").read_text()[-3000:] for machine in machines)


WAYS: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {  # and how near a resumed curve comes
    "ddp": (LORA, {}, 0.0),
    "ddp-apart": (LORA, {}, 0.0),
    "ddp-two-each": (LORA, {"n_gpus": 2, "micro_batch": 1, "accumulate": 4}, 1e-5),  # four are summed in another order
    "zero3": (FULL, {"zero_stage": 3}, 0.0),
    "fsdp2": (FULL, {"fsdp": True}, 0.0),
}


@pytest.mark.parametrize("way", WAYS)
def test_two_machines_learn_what_one_learns_and_go_on_after_one_is_lost(
    make: Callable[..., Pair], sharing_forge: Forge, way: str
) -> None:
    method, knobs, apart = WAYS[way]
    alone = make(method, "alone", **{**knobs, "n_gpus": 1, "zero_stage": 0, "fsdp": False, "nodes": 1})[0]
    assert alone.run() == 0
    code = APART if way.endswith("apart") else ""
    whole = make(method, "whole", code, **knobs)
    assert ended(whole, sharing_forge) == (0, 0), logs(whole)
    assert curve(whole[0]) == near(alone)
    assert curve(whole[1]) == curve(whole[0])
    assert whole[1].done()["outputs"] == {}
    lost = make(method, "lost", code, **knobs)
    with_code(lost[1], code + KILLED.replace('"RANK") == "0"', '"LOCAL_RANK") == "0"'))
    assert ended(lost, sharing_forge) == (-9, -9), logs(lost)
    assert lost[0].notes() == ["machines-met", "machine-lost"]
    with_code(lost[1], code)
    assert ended(lost, sharing_forge) == (0, 0), logs(lost)
    assert lost[1].notes() == ["machines-met", "machines-met", "resumed"]
    assert curve(lost[0]) == {step: pytest.approx(values, rel=apart) for step, values in curve(whole[0]).items()}
    assert apart or weights(lost[0]) == weights(whole[0])


def test_a_stop_on_one_machine_is_a_stop_on_both(make: Callable[..., Pair], sharing_forge: Forge) -> None:
    machines = make(max_steps=400, save_steps=1000)
    with_code(machines[1], ASKED.replace('"RANK") == "1"', '"LOCAL_RANK") == "0"'))
    assert ended(machines, sharing_forge) == (1, 143), logs(machines)
    assert machines[0].problem()["code"] == "stopped-elsewhere"
    steps = [machine.events("checkpoint")[-1]["step"] for machine in machines]
    assert steps[0] == steps[1] == machines[0].metrics()[-1]["step"]


def test_machines_that_were_told_different_things_do_not_begin(make: Callable[..., Pair], sharing_forge: Forge) -> None:
    first, second = make()
    order = json.loads((second.path / "spec.json").read_text())
    order["spec"]["knobs"]["micro_batch"] = 1
    (second.path / "spec.json").write_text(json.dumps(order))
    assert ended((first, second), sharing_forge) == (1, 1)
    assert first.problem() == second.problem() == {"code": "machines-differ", "params": {"knobs": "micro_batch"}}


def test_machines_without_a_common_disk_do_not_split_up_a_model(
    make: Callable[..., Pair], sharing_forge: Forge
) -> None:
    machines = make(FULL, code=APART, zero_stage=2)
    assert ended(machines, sharing_forge) == (1, 1)
    assert {machine.problem()["code"] for machine in machines} == {"machines-share-no-disk"}


def test_a_machine_that_was_told_no_place_says_so(make: Callable[..., Pair]) -> None:
    first, _ = make()
    assert first.run() == 1
    assert first.problem()["code"] == "machines-untold"


def test_the_agents_of_torchrun_can_start_the_cards_as_well(
    make: Callable[..., Pair], sharing_forge: Forge, trl_python: Path, lib: Path
) -> None:
    machines, port = make(max_steps=2), claim("127.0.0.1", 0)
    alone = make(LORA, "alone", nodes=1, max_steps=2)[0]
    assert alone.run() == 0
    told = ["--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}"]
    agents = []
    for machine in machines:
        command = [trl_python, "-m", "torch.distributed.run", *told, "--local-addr=127.0.0.1"]
        card = ["-m", "wizard.stages.card", "train", str(machine.path)]
        with (machine.path / "log.txt").open("ab") as log:
            around = environment(lib, GLOO_SOCKET_IFNAME="lo")
            agents.append(subprocess.Popen([*command, *card], cwd=machine.path, env=around, stdout=log, stderr=log))
    assert [agent.wait() for agent in agents] == [0, 0], logs(machines)
    assert curve(machines[0]) == curve(machines[1]) == near(alone)
