"""A reader that has seen enough and closes its end: no traceback, whatever was still to be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("verb", [("probe",), ("probe", "--pretend", "nosuch"), ("offers", "--pretend", "rtx-4090")])
def test_a_reader_that_leaves_first_is_no_failure(tmp_path: Path, verb: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wizard", *verb, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT), "YCDY_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        text=True,
    )
    assert process.stdout and process.stderr
    process.stdout.close()
    talk = process.stderr.read()
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in talk
