from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wizard.contract import Environment
from wizard.journal import write_plan

from .conftest import Toy, stage, until

FAKE_UV = """#!{python}
import os, pathlib, sys, time
root = pathlib.Path({root!r})
with open(root / "calls", "a") as calls:
    calls.write(sys.argv[1] + " " + str(os.nice(0)) + "\\n")
if sys.argv[1] == "venv":
    path = pathlib.Path(sys.argv[-1])
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").symlink_to({python!r})
elif (root / "broken").exists():
    sys.exit("error: Failed to fetch: error sending request")
while (root / "hold").exists():
    time.sleep(0.01)
"""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "uv"
    file.write_text(FAKE_UV.format(python=sys.executable, root=str(tmp_path)))
    file.chmod(0o755)
    monkeypatch.setenv("YCDY_UV", str(file))
    return tmp_path


def two(toy: Callable[..., Toy], first: str) -> Toy:
    run = toy(stage("fetch", first, 1), replace(stage("train", "done()", 2), environment="later-cpu"))
    later = Environment(id="later-cpu", engine="later", accelerator="cpu", python="3.11", digest="y")
    run.plan = replace(run.plan, environments=(*run.plan.environments, later))
    write_plan(run.folder.plan, run.plan)
    run.folder.environments.mkdir()
    (run.folder.environments / "later-cpu.txt").write_text("tiny==1.0 --hash=sha256:0\n")
    return run


def test_the_next_stage_s_environment_is_built_niced_while_one_runs(toy: Callable[..., Toy], uv: Path) -> None:
    run = two(toy, "wait_for(here / 'go'); done()")
    run.launch()
    until(lambda: [event for event in run.events("environment-ready") if event["environment"] == "later-cpu"])
    assert run.status("fetch") == "running"
    (run.folder.path / "01-fetch" / "go").touch()
    assert run.over().status == "done"
    assert "pip 10" in (uv / "calls").read_text()


def test_a_stage_whose_environment_cannot_be_built_fails_with_its_problem(toy: Callable[..., Toy], uv: Path) -> None:
    (uv / "broken").touch()
    run = two(toy, "done()")
    state = run.run()
    assert state.problem is not None
    assert (state.status, state.problem.code) == ("failed", "environment-index-unreachable")
    assert [item.status for item in state.stages] == ["done", "failed"]
    (uv / "broken").unlink()
    assert run.run().status == "done"


def test_one_that_failed_while_built_ahead_is_tried_once_more(toy: Callable[..., Toy], uv: Path) -> None:
    (uv / "broken").touch()
    run = two(toy, "wait_for(here / 'go'); done()")
    run.launch()
    until(lambda: (uv / "calls").exists() and "pip" in (uv / "calls").read_text())
    until(lambda: not (run.home.envs / "later-y").exists())
    (uv / "broken").unlink()
    (run.folder.path / "01-fetch" / "go").touch()
    assert run.over().status == "done"


def test_stopping_gives_up_a_build(toy: Callable[..., Toy], uv: Path) -> None:
    from wizard.run import stop

    (uv / "hold").touch()
    run = two(toy, "done()")
    run.launch()
    until(lambda: run.status("train") == "building")
    stop(run.folder)
    assert run.over().status == "stopped"
    assert not (run.home.envs / "later-y").exists()


def test_an_environment_the_plan_does_not_describe_is_told(toy: Callable[..., Toy]) -> None:
    run = toy(replace(stage("train", "done()", 1), environment="nobody"))
    problem = run.run().problem
    assert problem is not None
    assert problem.code == "environment-unknown"


def test_a_vanished_environment_is_built_again_on_resume(toy: Callable[..., Toy], uv: Path) -> None:
    run = two(toy, "done()")
    run.run()
    shutil.rmtree(run.home.envs / "later-y")
    run.change("train", digest="other")
    assert run.run().status == "done"
    assert json.loads((run.home.envs / "later-y" / ".ready").read_text())["environment"] == "later-cpu"
