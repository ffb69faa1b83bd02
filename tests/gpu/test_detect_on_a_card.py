from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wizard.catalog import builtin, load
from wizard.contract import Machine
from wizard.detect import Meter, detect

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    seen = detect(tmp_path_factory.mktemp("home"), load([builtin()]).boards, speed=False)
    if not seen.gpus:
        pytest.skip(f"no NVIDIA card here ({[problem.code for problem in seen.problems] or 'no driver'})")
    return seen


def test_the_cards_are_those_nvidia_smi_lists(machine: Machine) -> None:
    command = ["nvidia-smi", "--query-gpu=uuid,name,driver_version", "--format=csv,noheader"]
    listed = [line.split(", ") for line in subprocess.check_output(command, text=True).splitlines()]
    whole = {gpu.uuid: gpu.name for gpu in machine.gpus if not gpu.mig}
    assert whole.items() <= {(uuid, name) for uuid, name, _ in listed}
    assert {driver for _, _, driver in listed} == {machine.driver}


def test_every_field_a_law_needs_is_answered(machine: Machine) -> None:
    assert machine.cuda is not None
    for gpu in machine.gpus:
        assert 0 < gpu.free_bytes <= gpu.total_bytes
        assert gpu.compute_capability is not None


def test_the_gauges_of_every_card_move(machine: Machine, tmp_path: Path) -> None:
    readings = Meter(list, tmp_path)()
    for gpu in machine.gpus:
        assert readings[f"gpu{gpu.index}_used_bytes"] >= 0
