"""The fetch stage by itself, outside a run: the same program, told as it goes."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wizard.contract import Engine, Problem
from wizard.errors import ExitCode, WizardError
from wizard.journal import Event, Home, StageFolder, Tail, read_json, write_json
from wizard.run.jobs import ended, variables
from wizard.run.lib import install_lib

POLL_SECONDS = 0.1
GRACE = 10.0  # seconds


def fetch(
    home: Home,
    engine: Engine,
    environments: Mapping[str, Path],
    spec: Mapping[str, Any],
    tell: Callable[[Event], None],
) -> Mapping[str, Any]:
    """The stage's done.json. `environments`: id -> folder, the one it runs in first; `tell`: hears of each event.
    What it has downloaded when it is cut off stays, and is gone on from."""
    python = next(iter(environments.values())) / "bin" / "python"
    lib = home.lib / install_lib(home, Path(__file__).parents[1])
    with tempfile.TemporaryDirectory(prefix="ycdy-") as name:
        folder = StageFolder(Path(name))
        write_json(folder.spec, _order(home, environments, spec))
        tail = Tail(folder.events)
        with folder.log.open("w+b") as log:
            process = subprocess.Popen(
                [str(python), "-m", "wizard.stages.fetch", name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=variables(home, engine, python.parent.parent, lib),
                cwd=name,
                start_new_session=True,
            )
            try:
                failed = _follow(process, tail, tell)
            finally:
                _end(process)
            if failed:
                raise WizardError.of(failed, ExitCode.FAILED)
            if process.returncode or not folder.done.exists():
                raise ended(home, "fetch", process.returncode, log)
        return read_json(folder.done)


def _order(home: Home, environments: Mapping[str, Path], spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "stage": "fetch",
        "run": "",
        "digest": "",
        "rung": 0,
        "attempt": 1,
        "spec": dict(spec),
        "environments": {id: str(path) for id, path in environments.items()},
        "home": str(home.root),
        "store": str(home.store),
    }


def _follow(process: subprocess.Popen[bytes], tail: Tail, tell: Callable[[Event], None]) -> Problem | None:
    failed = None
    while True:
        over = process.poll() is not None
        for event in tail.new():
            if event.get("kind") == "failed":
                failed = Problem(code=event["problem"]["code"], params=event["problem"]["params"])
            tell(event)
        if over:
            return failed
        time.sleep(POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
