from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

See = Callable[..., dict[str, Any]]
GIB = 1 << 30
TWO_CARDS = """
    driver=580.65.06
    cuda=13000
    count=2
    0.name=NVIDIA GeForce RTX 4090
    0.uuid=GPU-11111111
    0.total=25757220864
    0.reserved=374341632
    0.free=24000000000
    0.capability=8.9
    0.percent=97
    0.celsius=71
    0.milliwatts=318000
    1.name=Tesla T4
    1.uuid=GPU-22222222
    1.total=16106127360
    1.capability=7.5
    1.mig=error:3
"""


def codes(machine: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in machine["problems"]]


def test_every_card_is_described_and_recognised(seen_with: See) -> None:
    machine = seen_with(TWO_CARDS)
    first, second = machine["gpus"]
    assert (machine["driver"], machine["cuda"], machine["problems"]) == ("580.65.06", [13, 0], [])
    assert (first["index"], first["name"], first["profile"]) == (0, "NVIDIA GeForce RTX 4090", "rtx-4090")
    assert (first["total_bytes"], first["free_bytes"], first["reserved_bytes"]) == (
        25757220864,
        24000000000,
        374341632,
    )
    assert (second["index"], second["profile"], second["compute_capability"]) == (1, "t4", [7, 5])


def test_what_a_card_does_not_answer_is_unknown_field_by_field(seen_with: See) -> None:
    machine = seen_with(f"count=1\n0.name=NVIDIA Thing\n0.total={GIB}")
    card = machine["gpus"][0]
    assert (machine["driver"], machine["cuda"], machine["problems"]) == (None, None, [])
    assert (card["compute_capability"], card["mig"], card["profile"], card["uuid"]) == (None, None, None, "")
    assert (card["total_bytes"], card["free_bytes"]) == (GIB, GIB)


def test_an_older_driver_without_reserved_memory_still_tells_total_and_free(seen_with: See) -> None:
    card = seen_with(TWO_CARDS, "-DWITHOUT_MEMORY_V2")["gpus"][0]
    assert (card["total_bytes"], card["free_bytes"]) == (25757220864, 24000000000)
    assert card["reserved_bytes"] is None


def test_a_board_that_shares_the_hosts_memory_counts_it(seen_with: See) -> None:
    machine = seen_with("count=1\n0.name=NVIDIA GB10\n0.total=error:3")
    card = machine["gpus"][0]
    assert card["unified"]
    assert (card["total_bytes"], card["free_bytes"]) == (machine["ram_bytes"], machine["ram_free_bytes"])


def test_a_card_that_may_not_be_asked_for_its_memory_is_not_taken_for_a_shared_one(seen_with: See) -> None:
    machine = seen_with(f"{TWO_CARDS}\n1.total=error:4")
    assert [card["index"] for card in machine["gpus"]] == [0]
    assert codes(machine) == ["gpu-failed"]


def test_programs_that_hold_memory_are_named(seen_with: See) -> None:
    mine = os.getpid()
    scenario = f"{TWO_CARDS}\n0.processes={mine}:{GIB} 4194999\n0.graphics={mine}:5"
    users = {user["pid"]: user for user in seen_with(scenario)["gpus"][0]["users"]}
    assert users[mine]["used_bytes"] == GIB
    assert users[mine]["name"]
    assert users[4194999] == {"pid": 4194999, "name": "", "used_bytes": None}


def test_a_lost_card_is_left_out_and_the_rest_stays(seen_with: See) -> None:
    machine = seen_with(f"{TWO_CARDS}\n0.fails=15")
    assert [card["index"] for card in machine["gpus"]] == [1]
    assert machine["problems"] == [{"code": "gpu-lost", "params": {"index": 0, "error": "GPU is lost"}}]


@pytest.mark.parametrize(("code", "problem"), [("15", "gpu-lost"), ("16", "gpu-needs-reset"), ("999", "gpu-failed")])
def test_a_card_without_a_handle_is_left_out(seen_with: See, code: str, problem: str) -> None:
    machine = seen_with(f"{TWO_CARDS}\n1.handle={code}")
    assert [card["index"] for card in machine["gpus"]] == [0]
    assert codes(machine) == [problem]


@pytest.mark.parametrize(
    ("code", "problem"), [("9", "driver-not-loaded"), ("18", "driver-mismatch"), ("999", "nvml-failed")]
)
def test_a_driver_that_does_not_start_is_a_problem_and_no_cards(seen_with: See, code: str, problem: str) -> None:
    machine = seen_with(f"init={code}\n{TWO_CARDS}")
    assert machine["gpus"] == []
    assert codes(machine) == [problem]
    assert machine["gauges"]["ram_free_bytes"] > 0


def test_a_driver_older_than_every_build_is_told(seen_with: See) -> None:
    machine = seen_with(TWO_CARDS.replace("cuda=13000", "cuda=11040").replace("580.65.06", "470.199.02"))
    assert codes(machine) == ["driver-too-old"]
    assert machine["problems"][0]["params"] | {"error": ""} == {
        "driver": "470.199.02",
        "cuda": "11.4",
        "needs": 525,
        "error": "",
    }


CUT_CARD = """
    driver=580.65.06
    cuda=13000
    count=2
    0.name=NVIDIA A100-SXM4-80GB
    0.uuid=GPU-aaaa
    0.mig=1
    0.total=error:4
    0.capability=8.0
    0.mig.0.uuid=MIG-1
    0.mig.0.name=NVIDIA A100-SXM4-80GB MIG 3g.40gb
    0.mig.0.total=42144366592
    0.mig.2.uuid=MIG-2
    0.mig.2.name=NVIDIA A100-SXM4-80GB MIG 1g.10gb
    0.mig.2.total=10200547328
    1.name=NVIDIA A100-SXM4-80GB
    1.uuid=GPU-bbbb
    1.mig=0
    1.total=85899345920
"""


def test_a_cut_card_is_its_instances(seen_with: See) -> None:
    cards = seen_with(CUT_CARD)["gpus"]
    assert [(card["index"], card["uuid"], card["profile"], card["mig"]) for card in cards] == [
        (0, "MIG-1", "a100-80g-mig-3g-40gb", True),
        (1, "MIG-2", "a100-80g-mig-1g-10gb", True),
        (2, "GPU-bbbb", "a100-80g", False),
    ]
    assert cards[0]["compute_capability"] == [8, 0]


def test_a_cut_card_without_instances_is_a_problem(seen_with: See) -> None:
    machine = seen_with(f"{TWO_CARDS}\n0.mig=1")
    assert codes(machine) == ["mig-empty"]
    assert [card["index"] for card in machine["gpus"]] == [1]


@pytest.mark.parametrize(
    ("value", "indices"),
    [("1", [1]), ("1,0", [1, 0]), ("GPU-2222", [1]), ("0,7,1", [0]), ("GPU-22222222,0", [1, 0])],
)
def test_only_the_cards_cuda_will_show_count(seen_with: See, value: str, indices: list[int]) -> None:
    machine = seen_with(TWO_CARDS, CUDA_VISIBLE_DEVICES=value)
    assert [card["index"] for card in machine["gpus"]] == indices
    assert machine["problems"] == []


@pytest.mark.parametrize("value", ["", "-1", "7", "GPU-3"])
def test_cards_that_are_all_hidden_are_told(seen_with: See, value: str) -> None:
    machine = seen_with(TWO_CARDS, CUDA_VISIBLE_DEVICES=value)
    assert machine["gpus"] == []
    assert codes(machine) == ["gpus-hidden"]


def test_an_instance_can_be_chosen_by_its_uuid(seen_with: See) -> None:
    assert [card["index"] for card in seen_with(CUT_CARD, CUDA_VISIBLE_DEVICES="MIG-2")["gpus"]] == [1]


def test_gauges_leave_out_what_a_card_does_not_answer(seen_with: See) -> None:
    gauges = seen_with(TWO_CARDS)["gauges"]
    assert gauges["gpu0_used_bytes"] == 25757220864 - 374341632 - 24000000000
    assert (gauges["gpu0_percent"], gauges["gpu0_celsius"], gauges["gpu0_watts"]) == (97, 71, 318)
    assert {name for name in gauges if name.startswith("gpu1")} == {"gpu1_used_bytes"}


def test_gauges_of_a_lost_card_are_left_out(seen_with: See) -> None:
    assert not [name for name in seen_with(f"{TWO_CARDS}\n0.fails=15")["gauges"] if name.startswith("gpu0")]


def test_without_a_library_the_bindings_are_not_loaded() -> None:
    program = (
        "import sys, wizard.detect as d, pathlib; d.detect(pathlib.Path('/'), {}, speed=False)\n"
        "from wizard.detect import driver\n"
        "assert driver.has_library() or 'pynvml' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
