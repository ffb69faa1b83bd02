from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.unit.stages.programs import environment


def test_the_door_for_scripts_hands_pefts_configurations_through(trl_python: Path, lib: Path, tiny_model: Path) -> None:
    command = [str(trl_python), str(Path(__file__).with_name("check_door.py")), str(tiny_model)]
    lines = subprocess.run(command, env=environment(lib), check=True, stdout=subprocess.PIPE, text=True).stdout
    told = json.loads(lines.splitlines()[-1])
    assert told["early"] == []
    assert told["without"] == ["EvaConfig"]  # a part of LoRA's
    assert told["trained"]["LoraConfig"] == told["trained"]["MissConfig"] + 2 * 4 * 128
    assert all(told["trained"].values())
    assert told["whole"] is True
    assert "NoConfig" in told["unknown"]
