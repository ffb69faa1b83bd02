"""A model's folder may hold traps: no stage springs one, and each is refused by name."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, ROWS, SFT, StageRun, Stages
from tests.unit.stages.test_serve import spec as serving

NAMES: dict[str, Any] = {"AutoConfig": "C", "AutoModelForCausalLM": "M", "AutoProcessor": "C"}
Trap = Callable[[Path, Path], None]


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def change(file: Path, **values: Any) -> None:
    held = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps(held | values))


def lay_code(model: Path, marker: Path) -> None:
    """Python that would be run at import, named wherever a library looks for such names."""
    code = f"import pathlib\npathlib.Path({str(marker)!r}).touch()\nclass C: pass\nclass M: pass\nclass T: pass\n"
    for name in (
        "modeling_trap",
        "configuration_trap",
        "tokenization_trap",
        "transformers",
        "sitecustomize",
        "__init__",
    ):
        (model / f"{name}.py").write_text(code)
    (model / "custom_generate").mkdir()
    (model / "custom_generate" / "generate.py").write_text(code)
    named = {
        key: [f"tokenization_trap.{v[0]}", None] if isinstance(v, list) else f"modeling_trap.{v}"
        for key, v in NAMES.items()
    }
    for file in ("config.json", "tokenizer_config.json", "generation_config.json", "preprocessor_config.json"):
        change(model / file, auto_map=named)


def lay_pickles(model: Path, marker: Path) -> None:
    for name in ("pytorch_model.bin", "model.pt", "training_args.bin", "adapter_model.bin", "tokenizer.pkl"):
        (model / name).write_bytes(pickle.dumps(Bomb(marker)))
    (model / "README.md").write_text(f"---\nlicense: mit\n---\n$(touch {marker})\n`touch {marker}`\n")


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "model $(touch marker)")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "marker"


def prepared(stage: Stages, python: Path, model: Path) -> StageRun:
    order = {"data": {"kind": "bundled"}, "rows": ROWS[:2], "knobs": KNOBS, "questions": ["Hi"]}
    return stage("prepare", python).order(order, {"fetch": {"model": model}})


def served(stage: Stages, python: Path, model: Path, tmp_path: Path) -> StageRun:
    return stage("serve", python).order(serving("transformers", tmp_path), {"merge": {"merged": model}})


def test_a_model_of_a_known_kind_goes_the_whole_way_and_its_code_and_pickles_are_not_run(
    stage: Stages, trl_python: Path, model: Path, marker: Path, tmp_path: Path
) -> None:
    lay_code(model, marker)
    lay_pickles(model, marker)
    fetch = stage("fetch", trl_python)
    assert fetch.order({"model": "m", "sources": [{"kind": "path", "ref": str(model)}], "folder": ""}).run() == 0
    prepare = prepared(stage, trl_python, model)
    assert prepare.run() == 0
    inputs: dict[str, Any] = {"fetch": {"model": model}, "prepare": prepare.done()["outputs"]}
    knobs = {**KNOBS, "max_steps": 1}
    train = stage("train", trl_python).order({"knobs": knobs, **SFT, "device": "cpu"}, inputs)
    assert train.run() == 0
    inputs["train"] = train.done()["outputs"]
    merge = stage("merge", trl_python).order({**SFT, "questions": ["Hi"], "max_new_tokens": 2}, inputs)
    assert merge.run() == 0
    merged = Path(merge.done()["outputs"]["merged"])
    assert [path.name for path in merged.iterdir() if path.suffix in (".py", ".bin", ".pt", ".pkl")] == []
    serve = served(stage, trl_python, model, tmp_path)
    process = serve.start()
    try:
        serve.wait_for(lambda one: bool(one.events("ready")), process)
    finally:
        process.terminate()
        process.wait()
    assert not marker.exists()
    assert list(tmp_path.rglob("marker")) == []


@pytest.mark.parametrize("name", ["fetch", "prepare", "train", "merge", "serve"])
def test_a_model_that_works_only_with_code_of_its_own_is_refused_by_every_stage(
    stage: Stages, trl_python: Path, tiny_rows: Path, model: Path, marker: Path, tmp_path: Path, name: str
) -> None:
    lay_code(model, marker)
    change(model / "config.json", model_type="trap", architectures=["M"])
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    shutil.copy(model / "model.safetensors", adapter / "adapter_model.safetensors")
    inputs = {"fetch": {"model": model}, "prepare": {"rows": tiny_rows}, "train": {"adapter": adapter}}
    source = {"model": "m", "sources": [{"kind": "path", "ref": str(model)}], "folder": ""}
    made = {
        "fetch": lambda: stage("fetch", trl_python).order(source),
        "prepare": lambda: prepared(stage, trl_python, model),
        "train": lambda: stage("train", trl_python).order({"knobs": KNOBS, **SFT, "device": "cpu"}, inputs),
        "merge": lambda: stage("merge", trl_python).order({**SFT, "questions": ["Hi"], "max_new_tokens": 2}, inputs),
        "serve": lambda: served(stage, trl_python, model, tmp_path),
    }[name]()
    assert made.run() == 1
    assert made.problem() == {"code": "model-needs-code", "params": {"path": str(model)}}
    assert not marker.exists()


LOOP = "{%% for %s in range(99999) %%}"
TEMPLATES = {
    LOOP % "a" + LOOP % "b" + LOOP % "c" + "{% endfor %}" * 3: "too-heavy",
    "{{ 'x' * (10 ** 10) }}": "too-heavy",
    "{% for m in messages %}{% if loop.index > 40 %}{{ 'x' * 10 ** 11 }}{% endif %}{% endfor %}": "too-heavy",
    "{{ '%99999999999d' % 1 }}": "too-heavy",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}": "",
    "{{ cycler.__init__.__globals__.os.system('touch MARKER') }}": "",
    "{% set n = namespace(__class__=1) %}": "",
    "{{ namespace.__init__.__globals__['sys'] }}": "",
    "{{ 1 / 0 }}": "broken",
    "{% if %}": "broken",
    "{% include '/etc/passwd' %}": "broken",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_can_neither_break_out_nor_take_the_machine(
    stage: Stages, trl_python: Path, model: Path, marker: Path, template: str
) -> None:
    (model / "chat_template.jinja").write_text(template.replace("MARKER", str(marker)))
    prepare = prepared(stage, trl_python, model)
    assert prepare.run() == 1
    kind = TEMPLATES[template]
    assert prepare.problem()["code"] == (f"model-template-{kind}" if kind else "no-usable-rows")
    assert not marker.exists()
    assert "root:" not in (prepare.path / "log.txt").read_text()


def test_serving_tries_the_template_before_it_starts_an_engine(
    stage: Stages, trl_python: Path, model: Path, tmp_path: Path
) -> None:
    (model / "chat_template.jinja").write_text("{{ 'x' * (10 ** 10) }}")
    serve = served(stage, trl_python, model, tmp_path)
    assert serve.run() == 1
    assert serve.problem()["code"] == "model-template-too-heavy"
    assert [event["code"] for event in serve.events("phase")] == []
