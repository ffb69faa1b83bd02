"""Runs that are killed at random, by hand: nothing is lost, every one goes on and ends as one that was left alone.

YCDY_SOAK_KILLS=200 YCDY_SOAK_RECIPES=sft-lora-cpu,sft-dora bash yichuidingyin.sh test -m soak tests/soak
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import wizard
from tests.unit.stages.conftest import engine_python, lib, tiny_model, trl_python  # noqa: F401
from tests.unit.stages.recipe_rows import DATA
from tests.unit.stages.test_recipes import CATALOG, TRAINING, planned, settings_of
from wizard.contract import Plan, Recipe
from wizard.journal import Home, RunFolder, locked, read_json, write_plan
from wizard.run import install_lib, launch
from wizard.run.control import run_marker
from wizard.run.environments import folder_of
from wizard.run.processes import marked
from wizard.stages.checkpoints import fault_of, newest_first

KILLS = int(os.environ.get("YCDY_SOAK_KILLS", "200"))
NAMED = [name for name in os.environ.get("YCDY_SOAK_RECIPES", "").split(",") if name]
RECIPES = [CATALOG.recipes[name] for name in NAMED] or [recipe for recipe in TRAINING if "cpu" in recipe.accelerators]
SEED = int(os.environ.get("YCDY_SOAK_SEED", "1"))
OVERSEER = Path(__file__).parents[1] / "unit" / "run" / "overseer.py"
STRIKES = ("stage", "supervisor", "both", "term")
STRIKES_A_RUN = 7
STEPS, SAVE_STEPS, LINE_BYTES = 120, 7, 200  # of a step in metrics.jsonl, about
LONGEST_SECONDS = 400.0  # of a stage, on a busy machine


@dataclass
class Killed:
    """One run of a recipe's plan, as the session would start it."""

    home: Home
    folder: RunFolder
    plan: Plan
    strikes: Counter[str] = field(default_factory=Counter)
    where: Counter[str] = field(default_factory=Counter)

    def launch(self) -> None:
        if not locked(self.folder.lock):
            launch(self.folder, [sys.executable, str(OVERSEER), str(self.folder.path), str(self.home.root)])

    def events(self, file: Path) -> list[dict[str, Any]]:
        told = []
        for line in file.read_text(errors="replace").splitlines() if file.exists() else []:
            with suppress(ValueError):
                told.append(json.loads(line))
        return told

    def supervisor(self) -> int:
        told = [event for event in self.events(self.folder.supervisor) if event.get("kind") == "run-started"]
        return int(told[-1]["pid"]) if told and locked(self.folder.lock) else 0

    def stage(self) -> tuple[str, int]:
        """The one that runs, by its lock, and its process."""
        for each in self.plan.stages:
            place = self.folder.stage(each.folder)
            if locked(place.lock) and (pid := read_json(place.pid).get("pid")):
                return each.name, int(pid)
        return "", 0

    def done(self) -> bool:
        return all(self.folder.stage(each.folder).done.exists() for each in self.plan.stages)

    def train(self, file: str) -> Path:
        return next(self.folder.stage(each.folder).path for each in self.plan.stages if each.name == "train") / file

    def wait(self, chance: random.Random) -> None:
        """For a moment: of any stage, the first ones before the first strike, or behind some step of the training."""
        told, trained = self.train("metrics.jsonl"), self.train("done.json")
        before, began = told.stat().st_size if told.exists() else 0, time.monotonic()
        by_steps = bool(self.strikes) and chance.random() < 0.6 and not trained.exists()
        steps, seconds = chance.randrange(1, STEPS // 4), chance.uniform(0, 12)
        while locked(self.folder.lock):
            if by_steps and told.exists() and told.stat().st_size > before + steps * LINE_BYTES:
                return
            if time.monotonic() - began > (LONGEST_SECONDS if by_steps else seconds) or (by_steps and trained.exists()):
                return
            time.sleep(0.005)

    def strike(self, how: str) -> bool:
        """Whether there was anything to be struck."""
        name, pid = self.stage()
        supervisor = self.supervisor()
        if not pid or not supervisor:
            return False
        number = signal.SIGTERM if how == "term" else signal.SIGKILL
        with suppress(ProcessLookupError):
            if how in ("supervisor", "both", "term"):
                os.kill(supervisor, number)
            if how == "term":
                os.kill(pid, number)
            elif how in ("stage", "both"):
                os.killpg(pid, number)
        self.strikes[how] += 1
        self.where[name] += 1
        return True

    def end(self) -> None:
        """Until it is done, however often it has to be started."""
        for _ in range(20):
            self.launch()
            while locked(self.folder.lock):
                time.sleep(0.1)
            if self.done():
                return
        raise AssertionError(self.events(self.folder.supervisor)[-3:])

    def nothing_lost(self) -> None:
        """Training never went on from less than what it had told to be saved, and all that is kept is whole."""
        saved = resumed = 0
        for event in self.events(self.train("events.jsonl")):
            if event.get("kind") == "checkpoint":
                saved = event["step"]
            elif event.get("code") == "resumed":
                resumed += 1
                assert event["params"]["step"] >= saved
            assert event.get("code") != "checkpoint-damaged"
        knobs = next(each.spec["knobs"] for each in self.plan.stages if each.name == "train")
        assert all(fault_of(path, knobs) is None for path in newest_first(self.train("checkpoints")))

    def result(self) -> tuple[dict[int, float], str]:
        """Each step's loss, the last word on it; and the digest of the weights of training and merging."""
        lines = self.events(self.train("metrics.jsonl"))
        told = hashlib.sha256()
        for each in self.plan.stages:
            for place in read_json(self.folder.stage(each.folder).done)["outputs"].values():
                for file in sorted(Path(place).glob("*.safetensors")) if each.name in ("train", "merge") else ():
                    told.update(file.read_bytes())
        return {line["step"]: line["values"]["loss"] for line in lines if "loss" in line["values"]}, told.hexdigest()


@pytest.fixture
def made(tmp_path: Path, tiny_model: Path, trl_python: Path) -> Iterator[Any]:  # noqa: F811
    runs: list[Killed] = []

    def make(recipe: Recipe, name: str) -> Killed:
        rows = tmp_path / "rows.jsonl"
        rows.write_text("".join(f"{json.dumps(row)}\n" for row in DATA[recipe.task]), encoding="utf-8")
        steady = {"max_steps": STEPS, "save_steps": SAVE_STEPS, "save_minutes": 0.0}
        plan = planned(recipe, tiny_model, rows, settings_of(recipe), **steady)
        home = Home(tmp_path / "home", tmp_path / "home")
        stages = tuple(stage for stage in plan.stages if stage.name != "serve")
        plan = replace(plan, run=name, stages=stages, lib=install_lib(home, Path(wizard.__file__).parent))
        for environment in plan.environments:
            place = folder_of(home, environment)
            (place / "bin").mkdir(parents=True, exist_ok=True)
            (place / "bin" / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(str(trl_python))} "$@"\n')
            (place / "bin" / "python").chmod(0o755)
            (place / ".ready").write_text('{"packages": []}')
        folder = home.run(name)
        folder.path.mkdir(parents=True)
        write_plan(folder.plan, plan)
        runs.append(Killed(home, folder, plan))
        return runs[-1]

    yield make
    for run in runs:
        for pid in [run.supervisor(), *marked(run_marker(run.folder))]:
            with suppress(ProcessLookupError):
                if pid:
                    os.kill(pid, signal.SIGKILL)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.id)
def test_random_kills_lose_nothing(recipe: Recipe, made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    chance, kills, began, runs, strikes, where = random.Random(SEED), 0, time.monotonic(), 0, Counter(), Counter()
    whole = made(recipe, "whole")
    whole.end()
    while kills < -(-KILLS // len(RECIPES)):
        run, runs = made(recipe, f"killed-{runs}"), runs + 1
        while kills < -(-KILLS // len(RECIPES)) and run.strikes.total() < STRIKES_A_RUN:
            run.launch()
            run.wait(chance)
            if run.done():
                break
            kills += run.strike(chance.choice(STRIKES))
            time.sleep(chance.uniform(0, 1))
        run.end()
        run.nothing_lost()
        assert run.result() == whole.result()
        strikes, where = strikes + run.strikes, where + run.where
    with capsys.disabled():
        told = {"recipe": recipe.id, "kills": kills, "runs": runs, "how": dict(strikes), "where": dict(where)}
        print(json.dumps({**told, "seconds": round(time.monotonic() - began)}))
