from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def find(version: str) -> str | None:
    places = [
        shutil.which(f"python{version}"),
        *map(str, Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")),
    ]
    for place in filter(None, places):
        if subprocess.run([place, "-c", ""], capture_output=True).returncode == 0:
            return place
    return None


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_each_python_runs_it_and_no_folder_shadows_a_library(
    checkout, warm, start, version: str, tmp_path: Path
) -> None:
    python = find(version)
    if not python:
        pytest.skip(f"no Python {version} here")
    (tmp_path / "cwd/wizard").mkdir(parents=True)
    (tmp_path / "cwd/wizard/__init__.py").write_text("raise SystemExit('the wrong wizard')")
    (tmp_path / "cwd/argparse.py").write_text("raise SystemExit('the wrong argparse')")
    poison = {"PYTHONPATH": str(tmp_path / "cwd"), "PYTHONHOME": "/nowhere", "YCDY_PYTHON": python}
    seen = start(checkout, "a", environment={**warm, **poison}, cwd=tmp_path / "cwd").report
    assert ".".join(map(str, seen["python"])) == version
    assert seen["cwd"] == str(tmp_path / "cwd")
    assert seen["argv"] == ["a"]
    assert seen["file"] == str(checkout.parent / "wizard" / "__init__.py")


def test_too_old_and_too_new_are_passed_over_and_named(checkout, plain, start, path_of, tmp_path: Path) -> None:
    fakes = {"python3": '-I*) echo "- 3.9" ;;', "python3_13": '-I*) echo "- 3.14" ;;'}
    environment = {**plain, "PATH": path_of(**fakes), "YCDY_HOME": str(tmp_path / "home")}
    done = start(checkout, "probe", "--json", environment=environment)
    assert done.code == 1
    assert json.loads(done.out)["problem"]["code"] == "no-python"
    assert "python3=3.9" in done.talk
    assert "python3.13=3.14" in done.talk


def test_a_python_that_does_not_start_is_passed_over(checkout, warm, start, path_of) -> None:
    path = path_of(python3_11="-I*) exit 127 ;;", python3=f'*) exec {sys.executable} "$@" ;;')
    assert start(checkout, environment={**warm, "PATH": path}).code == 0


def test_the_environment_is_built_anew_when_its_python_is_gone(checkout, warm, start, tmp_path: Path) -> None:
    assert start(checkout, environment=warm).code == 0
    python = tmp_path / "home/wizard/bin/python"
    python.unlink()
    os.symlink("/nowhere/python3", python)
    assert start(checkout, environment=warm).code == 0
