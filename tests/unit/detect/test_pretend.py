from __future__ import annotations

from collections.abc import Mapping

import pytest

from wizard.contract import Board, Cpu, Disk, Machine
from wizard.detect import pretend
from wizard.errors import ExitCode, WizardError

GIB = 1 << 30


@pytest.fixture
def laptop() -> Machine:
    return Machine(
        gpus=(),
        cpu=Cpu(name="some CPU", cores=4, arch="x86_64"),
        ram_bytes=8 * GIB,
        ram_free_bytes=6 * GIB,
        disks=(Disk(path="/", free_bytes=5 * GIB, total_bytes=100 * GIB, kind="local"),),
    )


def refusal(text: str, boards: Mapping[str, Board], base: Machine) -> WizardError:
    with pytest.raises(WizardError) as caught:
        pretend(text, boards, base)
    return caught.value


def test_an_id_is_one_card(boards: Mapping[str, Board], laptop: Machine) -> None:
    machine = pretend("rtx-4090", boards, laptop)
    assert [gpu.profile for gpu in machine.gpus] == ["rtx-4090"]
    assert machine.gpus[0].free_bytes == machine.gpus[0].total_bytes - boards["rtx-4090"].reserved_bytes
    assert (machine.pretend, machine.cuda) == ("rtx-4090", (13, 0))


@pytest.mark.parametrize("text", ["a100-80gx8", "A100-80Gx8", "a100x8", " a100-80g" + "x8 "])
def test_xn_is_that_many(boards: Mapping[str, Board], laptop: Machine, text: str) -> None:
    machine = pretend(text, boards, laptop)
    assert [(gpu.index, gpu.profile) for gpu in machine.gpus] == [(index, "a100-80g") for index in range(8)]
    assert len({gpu.uuid for gpu in machine.gpus}) == 8


def test_ram_and_disk_grow_to_what_such_a_machine_has(boards: Mapping[str, Board], laptop: Machine) -> None:
    machine = pretend("a100-80gx8", boards, laptop)
    assert machine.ram_bytes == 2 * 8 * boards["a100-80g"].total_bytes
    assert machine.disks[0].free_bytes == 1_000_000_000_000
    assert {"cc", "python-headers"} <= set(machine.tools)


@pytest.mark.parametrize("text", ["gb10", "jetson-orin-nano-8g"])
def test_a_shared_memory_is_all_there_is(boards: Mapping[str, Board], laptop: Machine, text: str) -> None:
    machine = pretend(text, boards, laptop)
    assert machine.gpus[0].unified
    assert machine.ram_bytes == machine.ram_free_bytes == boards[text].total_bytes


@pytest.mark.parametrize(
    ("text", "arch", "cuda"),
    [("gb200x4", "aarch64", (13, 0)), ("jetson-agx-orin-64g", "aarch64", (12, 6)), ("b200", "x86_64", (13, 0))],
)
def test_a_board_on_an_arm_host_brings_it(
    boards: Mapping[str, Board], laptop: Machine, text: str, arch: str, cuda: tuple[int, int]
) -> None:
    machine = pretend(text, boards, laptop)
    assert (machine.cpu.arch, machine.cuda) == (arch, cuda)


@pytest.mark.parametrize("text", ["cpu", "none", "CPU"])
def test_cpu_is_this_machine_without_cards(boards: Mapping[str, Board], laptop: Machine, text: str) -> None:
    machine = pretend(text, boards, laptop)
    assert (machine.gpus, machine.driver, machine.cuda, machine.ram_bytes) == ((), None, None, laptop.ram_bytes)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("rtx4090", "rtx-4090"),
        ("rtx-409", "rtx-4090"),
        ("2xrtx-4090", "rtx-4090x2"),
        ("2xt4", "t4x2"),
        ("rtx4090x2", "rtx-4090x2"),
        ("rtx-4090x", "rtx-4090"),
        ("rtx-4090*4", "rtx-4090x4"),
        ("h100-smx", "h100-sxm"),
    ],
)
def test_an_unknown_board_is_refused_with_the_nearest(
    boards: Mapping[str, Board], laptop: Machine, text: str, nearest: str
) -> None:
    error = refusal(text, boards, laptop)
    assert (error.problem.code, error.exit_code) == ("unknown-board", ExitCode.USAGE)
    assert error.problem.params["nearest"] == nearest
    assert len(error.problem.params["alike"].split(", ")) <= 8


@pytest.mark.parametrize("text", ["", " ", "x", "x4", "一张卡"])
def test_text_that_names_nothing_is_refused(boards: Mapping[str, Board], laptop: Machine, text: str) -> None:
    assert refusal(text, boards, laptop).problem.code == "unknown-board"


@pytest.mark.parametrize("text", ["t4x0", "t4x65", "cpux2"])
def test_a_count_out_of_bounds_is_refused(boards: Mapping[str, Board], laptop: Machine, text: str) -> None:
    assert refusal(text, boards, laptop).problem.code == "pretend-count"
