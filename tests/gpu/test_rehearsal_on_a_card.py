"""Forecast beside measured on a real card; with `-m gpu -s` it prints the rows of docs/gpu-runs.md."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

import wizard
from tests.unit.stages.programs import LOCKS, StageRun, built, environment, tiny
from wizard.catalog import builtin, load
from wizard.contract import MEMORY_KNOBS, Catalog, Knobs, Machine, Verdict
from wizard.detect import detect
from wizard.fit import accelerator, judge
from wizard.journal import Home
from wizard.run import install_lib

pytestmark = [pytest.mark.gpu, pytest.mark.slow]
GIB = 1024**3
SMALL, MEDIUM = "smollm2-135m", "qwen3-1.7b"  # the bundled one, and one whose weights are random here
KNOBS = Knobs(seq_len=1024, micro_batch=2, accumulate=4, max_steps=2, save_steps=100)
CONFIG = """
import sys, torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
folder, tokenizer, numbers = sys.argv[1], sys.argv[2], eval(sys.argv[3])
kind = numbers.pop("model_type")
config = AutoConfig.for_model(kind, **numbers)
torch.manual_seed(0)
AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load([builtin()])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Machine:
    seen = detect(tmp_path_factory.mktemp("home"), catalog.boards, speed=False)
    if not seen.gpus:
        pytest.skip("no NVIDIA card here")
    if accelerator(seen) == "cpu":
        pytest.skip("the driver runs none of the CUDA builds")
    return seen


@pytest.fixture(scope="module")
def python(machine: Machine, request: pytest.FixtureRequest) -> Path:
    if named := os.environ.get("YCDY_TEST_TRL_CUDA"):
        return Path(named)
    kind = accelerator(machine)
    lock = next(name for name in (f"trl.{kind}.py311.txt", f"trl.{kind}.txt") if (LOCKS / name).exists())
    return built("trl", lock, "3.11", Path(request.config.cache.mkdir("engines"))) / "bin" / "python"


@pytest.fixture(scope="module")
def lib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lib")
    home = Home(root, root)
    return home.lib / install_lib(home, Path(wizard.__file__).parent)


@pytest.fixture(scope="module")
def models(
    tmp_path_factory: pytest.TempPathFactory, python: Path, lib: Path, catalog: Catalog
) -> Callable[[str], Path]:
    """Weights play no part in memory: random ones of the right shape do, with the tiny tokenizer of the stage tests."""
    place = tmp_path_factory.mktemp("models")
    words = tiny(python, lib, place / "tiny")

    def make(name: str) -> Path:
        folder = place / name
        if not folder.exists():
            numbers = repr(shape(catalog, name))
            subprocess.run(
                [str(python), "-c", CONFIG, str(folder), str(words), numbers], check=True, env=environment(lib)
            )
        return folder

    return make


def shape(catalog: Catalog, name: str) -> dict[str, Any]:
    a = catalog.models[name].architecture
    return {
        "model_type": a.kind,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.layers,
        "num_attention_heads": a.heads,
        "num_key_value_heads": a.kv_heads,
        "head_dim": a.head_dim,
        "intermediate_size": a.intermediate,
        "vocab_size": a.vocab,
        "tie_word_embeddings": a.tied,
        "max_position_embeddings": 4096,
    }


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    lengths = [KNOBS.seq_len - 13 * (n % 50) for n in range(200)]
    lines = [{"input_ids": [n % 200 + 1 for n in range(length)]} for length in lengths]
    path.write_text("\n".join(json.dumps({**line, "labels": line["input_ids"]}) for line in lines) + "\n")
    return path


def cases() -> Iterator[tuple[str, str]]:
    for model in (SMALL, MEDIUM):
        for method in ("lora", "qlora"):
            yield model, method


@pytest.mark.parametrize(("model", "method"), list(cases()))
def test_the_forecast_is_near_what_the_card_shows(
    catalog: Catalog,
    machine: Machine,
    python: Path,
    lib: Path,
    models: Callable[[str], Path],
    rows: Path,
    tmp_path: Path,
    model: str,
    method: str,
) -> None:
    verdict = forecast(machine, catalog, model, method)
    train = StageRun(tmp_path / "train", "train", python, lib, tmp_path, {"CUDA_VISIBLE_DEVICES": str(verdict.gpus[0])})
    train.order(spec(catalog, verdict), {"fetch": {"model": models(model)}, "prepare": {"rows": rows}})
    assert train.run() == 0, (train.path / "log.txt").read_text()[-3000:]
    (told,) = train.events("rehearsed")
    print(row(machine, model, method, told))
    measured, predicted = told["measured"], told["predicted"]
    assert measured["peak_bytes"] <= measured["reserved_bytes"] <= measured["card_bytes"]
    assert predicted["peak_bytes"] == pytest.approx(measured["peak_bytes"], rel=0.15)
    assert measured["card_bytes"] <= verdict.safe_bytes * 1.05


def forecast(machine: Machine, catalog: Catalog, model: str, method: str) -> Verdict:
    recipe = catalog.recipes[f"sft-{method}"]
    knobs = replace(
        KNOBS, **{name: getattr(recipe.knobs, name) for name in ("rank", "targets", "optimizer", "fused_loss")}
    )
    return judge(machine, catalog, recipe.id, model, knobs)


def spec(catalog: Catalog, verdict: Verdict) -> dict[str, Any]:
    method, knobs = catalog.methods[verdict.method], asdict(verdict.knobs)
    numbers = {name: getattr(verdict, name) for name in ("peak_bytes", "reserved_bytes", "card_bytes")}
    told = {"knobs": {name: knobs[name] for name in MEMORY_KNOBS}, **numbers, "seconds_per_step": verdict.step_seconds}
    return {
        "knobs": knobs,
        "trainer": "sft",
        "settings": {},
        "method": asdict(method),
        "device": "cuda",
        "rehearse": True,
        "rehearsal": {"case": dict(verdict.case), "forecasts": [json.loads(json.dumps(told))]},
    }


def row(machine: Machine, model: str, method: str, told: dict[str, Any]) -> str:
    measured, predicted = told["measured"], told["predicted"]
    beside = [
        f"{name} {measured[f'{name}_bytes'] / GIB:.2f} ({predicted[f'{name}_bytes'] / GIB:.2f})"
        for name in ("peak", "reserved", "card")
    ]
    pace = f"{measured['seconds_per_step']:.3f} s a step ({predicted['seconds_per_step']:.3f})"
    return f"| {machine.gpus[0].name} | {model} {method} | {', '.join(beside)} GiB, {pace}; forecast in brackets |"
