"""The profiles as shipped, and a machine whose NVML is the stand-in of tests/fakes/nvml/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from wizard import strict
from wizard.contract import Board

REPOSITORY = Path(__file__).parents[3]
SOURCE = REPOSITORY / "tests/fakes/nvml/nvml.c"
LOOK = """
import dataclasses, json, sys
from pathlib import Path
from wizard import strict
from wizard.contract import Board
from wizard.detect import Meter, detect
files = Path("hardware_profiles").glob("*.toml")
boards = {file.stem: strict.read(Board, file.read_text(), file.name, id=file.stem)[0] for file in files}
machine = detect(Path(sys.argv[1]), boards, speed=False)
print(json.dumps({**dataclasses.asdict(machine), "gauges": Meter(list, Path(sys.argv[1]))()}))
"""


@pytest.fixture(scope="session")
def boards() -> Mapping[str, Board]:
    read: dict[str, Board] = {}
    for file in sorted((REPOSITORY / "hardware_profiles").glob("*.toml")):
        board, problems = strict.read(Board, file.read_text(encoding="utf-8"), file.name, id=file.stem)
        assert board is not None, problems
        read[file.stem] = board
    return read


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles the stand-in, once per set of flags; the folder to put on LD_LIBRARY_PATH."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler to build the NVML stand-in with")
    built: dict[tuple[str, ...], Path] = {}

    def build(*flags: str) -> Path:
        if flags not in built:
            built[flags] = tmp_path_factory.mktemp("nvml")
            library = built[flags] / "libnvidia-ml.so.1"
            subprocess.run([compiler, "-shared", "-fPIC", *flags, "-o", library, SOURCE], check=True)
        return built[flags]

    return build


@pytest.fixture
def seen_with(library: Callable[..., Path], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """detect() and one Meter reading, in a program of its own, as JSON."""

    def look(scenario: str, *flags: str, **variables: str) -> dict[str, Any]:
        file = tmp_path / "scenario"
        file.write_text("\n".join(line.strip() for line in scenario.splitlines()) + "\n", encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        environment |= {"LD_LIBRARY_PATH": str(library(*flags)), "YCDY_NVML_SCENARIO": str(file), **variables}
        command = [sys.executable, "-c", LOOK, str(tmp_path)]
        done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return look
