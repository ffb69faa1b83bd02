from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from wizard.contract import Choice, DataChoice, Environment, Knobs, Plan, RunState, Stage, Verdict
from wizard.journal import Home, RunFolder, Watch, locked, read_json, write_plan
from wizard.run import launch
from wizard.run.control import run_marker
from wizard.run.processes import marked

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
VERDICT = Verdict(
    recipe="r",
    model="m",
    task="identity",
    method="lora",
    knobs=Knobs(),
    status="fits",
    peak_bytes=1,
    reserved_bytes=1,
    card_bytes=1,
    safe_bytes=1,
    capacity_bytes=1,
    moment="step",
    terms=(),
)


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


def stage(name: str, code: str, number: int, **rest: Any) -> Stage:
    spec = {"code": code, "knobs": {"micro_batch": 4, "accumulate": 2}}
    given = {"digest": f"d-{name}", "service": name == "serve", "spec": spec, **rest}
    return Stage(name=name, folder=f"{number:02}-{name}", engine="toy", environment="toy-cpu-py311", **given)


@dataclass
class Toy:
    """A home with one ready environment, and a run of toy stages in it."""

    home: Home
    folder: RunFolder
    plan: Plan

    def command(self) -> list[str]:
        return [sys.executable, str(HERE / "overseer.py"), str(self.folder.path), str(self.home.root)]

    def launch(self) -> int:
        return launch(self.folder, self.command())

    def state(self) -> RunState:
        return Watch(self.folder).poll()

    def status(self, name: str) -> str:
        return next(stage.status for stage in self.state().stages if stage.name == name)

    def over(self) -> RunState:
        """The state after the supervisor has let go."""
        until(lambda: self.events("run-ended") and not locked(self.folder.lock))
        return self.state()

    def run(self) -> RunState:
        ended = len(self.events("run-ended"))
        self.launch()
        until(lambda: len(self.events("run-ended")) > ended and not locked(self.folder.lock))
        return self.state()

    def events(self, kind: str, file: str = "supervisor.jsonl") -> list[dict[str, Any]]:
        path = self.folder.path / file
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        events = []
        for line in lines:
            with suppress(ValueError):
                events.append(json.loads(line))
        return [event for event in events if event.get("kind") == kind]

    def pid(self, name: str) -> int:
        folder = next(item.folder for item in self.plan.stages if item.name == name)
        return int(until(lambda: read_json(self.folder.stage(folder).pid).get("pid")))

    def change(self, name: str, **fields: Any) -> None:
        stages = tuple(replace(item, **fields) if item.name == name else item for item in self.plan.stages)
        self.plan = replace(self.plan, stages=stages)
        write_plan(self.folder.plan, self.plan)


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Callable[..., Toy]]:
    made: list[Toy] = []

    def make(*stages: Stage, root: Path = tmp_path / "home 一", **fields: Any) -> Toy:
        home = Home(root, root)
        environment = Environment(id="toy-cpu-py311", engine="toy", accelerator="cpu", python="3.11", digest="x")
        plan = Plan(
            run="toy",
            created=1.0,
            language="en",
            choice=Choice(recipe="r", model="m", knobs=Knobs(), data=DataChoice(kind="bundled", ref="d")),
            device=fields.pop("device", "cpu"),
            gpus=fields.pop("gpus", ()),
            stages=stages,
            environments=(environment,),
            forecast=VERDICT,
            lib="toylib",
        )
        ready_environment(home)
        lib = home.lib / "toylib" / "wizard" / "stages"
        lib.mkdir(parents=True, exist_ok=True)
        for name in ("fetch", "prepare", "train", "merge", "serve"):
            shutil.copy(HERE / "toy.py", lib / f"{name}.py")
        folder = home.run(plan.run)
        folder.path.mkdir(parents=True)
        write_plan(folder.plan, plan)
        made.append(Toy(home, folder, plan))
        return made[-1]

    yield make
    for item in made:
        if locked(item.folder.lock):
            os.kill(item.events("run-started")[-1]["pid"], signal.SIGKILL)
        for pid in marked(run_marker(item.folder)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def ready_environment(home: Home) -> None:
    path = home.envs / "toy-x"
    if not path.exists():
        (path / "bin").mkdir(parents=True)
        (path / "bin" / "python").symlink_to(sys.executable)
        (path / ".ready").write_text('{"packages": []}')
