"""Every recipe for one card, on a real one: prepare, train, merge on a tiny model. With `-m gpu -s` it prints rows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import wizard
from tests.unit.stages.programs import LOCKS, StageRun, built, tiny
from tests.unit.stages.recipe_rows import DATA, TEACHER
from tests.unit.stages.test_recipes import CATALOG, PACKED, planned, settings_of
from wizard.contract import Machine, Recipe
from wizard.contract.sharing import least_cards
from wizard.detect import detect
from wizard.fit import accelerator
from wizard.journal import Home
from wizard.run import install_lib

pytestmark = [pytest.mark.gpu, pytest.mark.slow]
MADE_BY = {"vision": "make_tiny_seeing.py"}  # a recipe's task -> what makes its tiny model
TWINS = {"use_vllm", "torch_compile_backend"}  # what a CPU is told instead of the recipe's own
RECIPES = [recipe for recipe in CATALOG.recipes.values() if "cuda" in recipe.accelerators and least_cards(recipe) == 1]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    seen = detect(tmp_path_factory.mktemp("home"), CATALOG.boards, speed=False)
    if not seen.gpus:
        pytest.skip("no NVIDIA card here")
    if accelerator(seen) == "cpu":
        pytest.skip("the driver runs none of the CUDA builds")
    return seen


def python_of(engine: str, machine: Machine, request: pytest.FixtureRequest) -> Path:
    if named := os.environ.get(f"YCDY_TEST_{engine.upper().replace('-', '')}_CUDA"):
        return Path(named)
    known, kind = CATALOG.engines[engine], accelerator(machine)
    lock = known.locks.get(kind, "")
    if not (LOCKS / lock).is_file():
        pytest.skip(f"{engine} has no list for {kind}")
    version = "3.11" if "3.11" in known.python else known.python[0]
    return built(engine, lock, version, Path(request.config.cache.mkdir("engines"))) / "bin" / "python"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.id)
def test_a_recipe_goes_its_way_on_a_card(
    recipe: Recipe, machine: Machine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    home = Home(tmp_path, tmp_path)
    lib = home.lib / install_lib(home, Path(wizard.__file__).parent)
    pythons = {
        name: python_of(recipe.engines[name][0] if name == "train" else "trl", machine, request)
        for name in ("prepare", "train", "merge")
    }
    for engine in ("trl-extras", "quantisers"):
        if engine in recipe.engines["merge"]:
            pythons["merge"] = python_of(engine, machine, request)
    model = made(recipe, "model", pythons["prepare"], lib, tmp_path)
    if (base := CATALOG.methods[recipe.method].base) in PACKED:
        model = tiny(pythons["prepare"], lib, tmp_path / base, str(model), base, script="make_packed.py")
    settings = {name: value for name, value in settings_of(recipe).items() if name not in TWINS}
    if settings.get("teacher") == TEACHER:
        settings["teacher"] = str(made(recipe, "teacher", pythons["prepare"], lib, tmp_path, "teacher"))
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f"{json.dumps(row)}\n" for row in DATA[recipe.task]), encoding="utf-8")
    specs = {stage.name: dict(stage.spec) for stage in planned(recipe, model, rows, settings).stages}
    specs["train"] |= {"device": "cuda", "rehearse": True}
    inputs: dict[str, dict[str, Any]] = {"fetch": {"model": model}}
    for name in ("prepare", "train", "merge"):
        stage = StageRun(tmp_path / name, name, pythons[name], lib, tmp_path, {"CUDA_VISIBLE_DEVICES": "0"})
        stage.order(json.loads(json.dumps(specs[name])), inputs)
        assert stage.run() == 0, (stage.path / "log.txt").read_text()[-3000:]
        inputs[name] = stage.done()["outputs"]
        if name == "train":
            peaks = [told["measured"]["peak_bytes"] for told in stage.events("rehearsed")]
            print(f"| {machine.gpus[0].name} | {recipe.id} | rehearsed peak {peaks} bytes | merged next |")
    assert Path(inputs["merge"]["merged"]).is_dir()


def made(recipe: Recipe, name: str, python: Path, lib: Path, place: Path, kind: str = "") -> Path:
    script = MADE_BY.get(recipe.task, "make_tiny.py")
    told = [kind] if kind else ["experts"] if "olmoe" in recipe.models else []
    return tiny(python, lib, place / name, *told, script=script)
