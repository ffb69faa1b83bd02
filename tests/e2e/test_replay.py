import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, SCRIPT, Run, answer, newcomer


def short(config: str, **changes: str) -> str:
    """The exported demo with a few steps and no server: everything else as it was."""
    fewer = {"max_steps": "6", "save_steps": "2", "serve": "false", "questions": '["Who are you?"]'}
    for key, value in (fewer | changes).items():
        config, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", config)
        assert count == 1, f"{key} is not in the run config"
    return config


@pytest.fixture(scope="module")
def config(ycdy: Run, demo: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("configs") / "short.toml"
    file.write_text(short(ycdy("export", demo["run"]).stdout), encoding="utf-8")
    return file


def losses(folder: Path) -> dict[int, float]:
    lines = (folder / "03-train" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["step"]: row["values"]["loss"] for row in rows if row["values"].get("loss") is not None}


@pytest.fixture(scope="module")
def once(ycdy: Run, config: Path, home: Path) -> Path:
    run = answer(ycdy("run", str(config), "--json"))["run"]
    return home / "ycdy" / "runs" / str(run)


def test_an_exported_config_carries_packages_revision_hash_and_seed(config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    assert "torch==" in text
    assert "--hash=sha256:" in text
    for key in ("seed", "sha256", "revision"):
        assert re.search(rf"(?m)^{key} = ", text), key


def wait_for(condition: Callable[[], Any], seconds: float = 240) -> Any:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {condition}")


def behind(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A window of its own, in the background."""
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = ["bash", str(SCRIPT), *arguments, "--plain"]
    return subprocess.Popen(command, env=newcomer(home), cwd=ROOT, start_new_session=True, **silent)


def resume(folder: Path, home: Path) -> subprocess.Popen[bytes]:
    return behind(home, "resume", folder.name)


def start(config: Path, home: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A replay in the background; returns once its folder is there."""
    runs = home / "ycdy" / "runs"
    before = set(runs.iterdir())
    process = behind(home, "run", str(config))
    new = wait_for(lambda: [path for path in set(runs.iterdir()) - before if (path / "plan.json").exists()])
    return process, Path(new[0])


def trained(folder: Path, steps: int) -> bool:
    metrics = folder / "03-train" / "metrics.jsonl"
    return metrics.exists() and len(metrics.read_text(encoding="utf-8").splitlines()) >= steps


def stage_process(folder: Path) -> int:
    return int(json.loads((folder / "03-train" / "pid.json").read_text(encoding="utf-8"))["pid"])


def supervisor_process(folder: Path) -> int:
    events = [json.loads(line) for line in (folder / "supervisor.jsonl").read_text(encoding="utf-8").splitlines()]
    return int([event["pid"] for event in events if event["kind"] == "run-started"][-1])


def status(ycdy: Run, folder: Path) -> str:
    return str(next(row["status"] for row in answer(ycdy("runs", "--json")) if row["run"] == folder.name))


def test_a_run_outlives_its_window_and_a_replay_gives_the_same_loss_curve(config: Path, home: Path, once: Path) -> None:
    window, folder = start(config, home)
    wait_for(lambda: trained(folder, 1))
    os.killpg(window.pid, signal.SIGHUP)
    window.wait(30)
    wait_for(lambda: (folder / "04-merge" / "done.json").exists())
    assert losses(folder) == losses(once)
    assert len(losses(once)) == 6


def test_stopped_or_everything_killed_it_goes_on_where_it_was(ycdy: Run, config: Path, home: Path, once: Path) -> None:
    window, folder = start(config, home)
    wait_for(lambda: trained(folder, 1))
    assert ycdy("stop", folder.name).returncode == 0
    wait_for(lambda: status(ycdy, folder) == "stopped", 60)
    again = resume(folder, home)
    wait_for(lambda: trained(folder, 4))
    os.kill(supervisor_process(folder), signal.SIGKILL)
    os.kill(stage_process(folder), signal.SIGKILL)
    for process in (window, again):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    wait_for(lambda: status(ycdy, folder) == "interrupted", 30)
    done = ycdy("resume", folder.name, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert losses(folder) == losses(once)
