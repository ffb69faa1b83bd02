"""Our own tuners against the definitions of their papers, with the libraries of the engine; the checks are a script."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.stages.programs import environment


def test_our_own_tuners_do_what_their_papers_say(trl_python: Path, lib: Path) -> None:
    script = Path(__file__).with_name("check_own.py")
    told = subprocess.run(
        [str(trl_python), str(script)], check=True, env=environment(lib), stdout=subprocess.PIPE, text=True
    ).stdout
    checks = [json.loads(line) for line in told.splitlines()]
    assert len(checks) >= 16
    for check in checks:
        assert not check["fault"], check["fault"]


def test_the_door_opens_without_torch() -> None:
    code = "import sys, wizard.tuners as door; assert door.LisaConfig().layers == 2; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3]).returncode == 0
