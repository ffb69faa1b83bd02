"""The words that plan and catalogue know for a setting are those of the pinned TRL."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.unit.stages.programs import environment


def test_every_known_word_is_one_that_trl_reads(trl_python: Path, lib: Path) -> None:
    command = [str(trl_python), str(Path(__file__).with_name("check_words.py"))]
    done = subprocess.run(command, check=True, env=environment(lib), capture_output=True, text=True)
    assert not any(json.loads(done.stdout).values()), done.stdout
