"""Every recipe file goes its whole way on a tiny model: prepare, train, merge, one answer from a server."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.stages.programs import Forge, StageRun, Stages
from tests.unit.stages.recipe_rows import DATA, MODEL, SETTINGS
from wizard.catalog import builtin, load
from wizard.contract import Choice, Cpu, DataChoice, Machine, Plan, Recipe, Source, Verdict
from wizard.plan import compile_plan
from wizard.stages.client import Client
from wizard.stages.ports import claim

CATALOG = load([builtin()])
SMALL = {"seq_len": 128, "micro_batch": 2, "accumulate": 1, "max_steps": 3, "rank": 4, "save_steps": 2, "n_gpus": 1}
ENGINES = {"fetch": "trl", "prepare": "trl", "train": "trl", "merge": "trl", "serve": "transformers"}


@pytest.mark.parametrize("recipe", CATALOG.recipes.values(), ids=lambda recipe: recipe.id)
def test_a_recipe_ends_in_an_answer(
    recipe: Recipe, forged: Stages, forge: Forge, tiny_model: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f"{json.dumps(row)}\n" for row in DATA[recipe.task]), encoding="utf-8")
    plan = planned(recipe, tiny_model, rows, settings_of(recipe, tiny_model))
    specs = {stage.name: json.loads(json.dumps(dict(stage.spec))) for stage in plan.stages}
    inputs: dict[str, dict[str, Any]] = {"fetch": {"model": tiny_model}}
    for name in ("prepare", "train", "merge"):
        made: StageRun = forged(name).order(specs[name], inputs)
        assert made.run() == 0, (made.path / "log.txt").read_text()[-3000:]
        inputs[name] = made.done()["outputs"]
        if "model" in inputs.get("train", {}):
            pytest.skip("how a whole model is merged comes with its own recipes")
    assert learnt(tmp_path / "run" / "train")
    assert answered_tokens(forge, tmp_path, Path(inputs["merge"]["merged"])) > 0


def settings_of(recipe: Recipe, model: Path) -> dict[str, Any]:
    found = {**SETTINGS.get(recipe.task, {}), **SETTINGS.get(recipe.id, {})}
    return {name: str(model) if value == MODEL else value for name, value in found.items()}


def planned(recipe: Recipe, model: Path, rows: Path, settings: Mapping[str, Any]) -> Plan:
    """As a person's own choice of this recipe would be, on this machine, with a folder as the model."""
    known = replace(
        CATALOG.models["smollm2-135m"], id="tiny", sources=(Source(kind="path", ref=str(model)),), yours=True
    )
    knobs = replace(recipe.knobs, **SMALL)
    verdict = Verdict(
        recipe=recipe.id, model="tiny", task=recipe.task, method=recipe.method, knobs=knobs, status="fits",
        peak_bytes=1, reserved_bytes=2, card_bytes=3, safe_bytes=4, capacity_bytes=5, moment="forward", terms=(),
        engines={name: engine for name, engine in ENGINES.items() if name in recipe.engines},
        pythons=dict.fromkeys(CATALOG.engines, "3.11"),
    )  # fmt: skip
    data = DataChoice(kind="path", ref=str(rows), sha256="")
    choice = Choice(
        recipe=recipe.id, model="tiny", knobs=knobs, data=data, settings=settings, questions=("What is 3 and 3?",)
    )
    machine = Machine(gpus=(), cpu=Cpu(name="a CPU", cores=2, arch="x86_64"), ram_bytes=1, ram_free_bytes=1, disks=())
    catalog = replace(CATALOG, models={**CATALOG.models, "tiny": known})
    plan, _ = compile_plan(
        choice, verdict, machine, catalog, run="run", created=0.0, language="en", lock_text=lambda name: ""
    )
    return plan


def learnt(train: Path) -> bool:
    """The loss of each step is a number, and the last step was reached."""
    steps = [json.loads(line) for line in (train / "metrics.jsonl").read_text().splitlines()]
    return [step["step"] for step in steps][-1] == steps[-1]["total"] and all(
        isinstance(step["values"]["loss"], float) for step in steps
    )


def answered_tokens(forge: Forge, place: Path, model: Path) -> int:
    port, key = claim("127.0.0.1", 0), "a key"
    told = ["--model", str(model), "--name", "me", "--port", str(port), "--dtype", "float32", "--context", "256"]
    server = forge.run("wizard.stages.openai_server", place, *told, wait=False, VLLM_API_KEY=key)
    try:
        client = Client(url=f"http://127.0.0.1:{port}/v1", model="me", key=key)
        deadline = time.monotonic() + 60
        while not client.healthy() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert client.healthy(), (place / "log.txt").read_text()[-3000:]
        asked = {"model": "me", "messages": [{"role": "user", "content": "What is 3 and 3?"}], "max_tokens": 8}
        told = httpx.post(f"{client.url}/chat/completions", json=asked, headers={"Authorization": f"Bearer {key}"})
        return int(told.json()["usage"]["completion_tokens"])
    finally:
        os.kill(server, signal.SIGKILL)


def test_what_is_told_of_a_recipe_is_true() -> None:
    for recipe in CATALOG.recipes.values():
        assert set(recipe.title) == set(recipe.why) == {"en", "zh"}, recipe.id
        assert recipe.ladder, recipe.id
        assert asdict(recipe.knobs)["seq_len"] > 0
