from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.unit.stages.programs import environment


@pytest.fixture
def python_with_pillow(trl_python: Path) -> Path:
    if subprocess.run([str(trl_python), "-c", "import PIL"], capture_output=True).returncode:
        pytest.skip("YCDY_TEST_TRL names an environment that is older than the list in locks/")
    return trl_python


def test_sizes_and_tokens_of_pictures_equal_those_of_transformers_processors(
    python_with_pillow: Path, lib: Path
) -> None:
    script = Path(__file__).with_name("check_seeing.py")
    told = subprocess.run(
        [str(python_with_pillow), str(script)], check=True, env=environment(lib), capture_output=True, text=True
    )
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["different"] == []
    assert len(found["families"]) > 10
    assert found["compared"] > 10_000
