from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.unit.stages.programs import environment


def test_token_ids_equal_those_of_transformers_for_every_template(
    trl_python: Path, lib: Path, tiny_model: Path, tmp_path: Path
) -> None:
    script = Path(__file__).with_name("check_parity.py")
    command = [str(trl_python), str(script), str(tiny_model), str(tmp_path)]
    told = subprocess.run(command, check=True, env=environment(lib), capture_output=True, text=True)
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["different"] == []
    assert found["templates"] > 20
    assert found["same"] > 100
