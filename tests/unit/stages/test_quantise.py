"""The quantise stage, each maker for real and each result served, on a model of two layers that divide by 128."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, ROWS, SFT, Forge, StageRun, Stages, quantising, served, serving, tiny
from wizard.catalog import builtin, load
from wizard.stages.quantising.gptqmodel import allow_few_cores

FORMATS = load([builtin()]).formats
QUESTIONS = ["What is 2 and 2?"]
LIBRARIES = ("torch", "transformers", "datasets", "accelerate")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path) -> Path:
    return tiny(trl_python, lib, tmp_path_factory.mktemp("wide") / "model", "wide")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, forge: Forge, model: Path) -> StageRun:
    """Prepared, with some kept back."""
    folder = tmp_path_factory.mktemp("kept-back")
    prepare = StageRun(folder / "prepare", "prepare", trl_python, lib, folder, forge=forge)
    data = {"kind": "bundled", "validation": 0.3}
    prepare.order({"data": data, "rows": ROWS, "knobs": KNOBS}, {"fetch": {"model": model}})
    assert prepare.run() == 0
    return prepare


@pytest.fixture(scope="module")
def compress_forge(engine_python: Callable[[str, str], Path], lib: Path) -> Iterator[Forge]:
    made = Forge(engine_python("compress", "compress.cpu.py311.txt"), lib, (*LIBRARIES, "llmcompressor"))
    yield made
    made.end()


Quantise = Callable[..., StageRun]


@pytest.fixture
def quantise(stage: Stages, trl_python: Path, model: Path, rows: StageRun) -> Quantise:
    def make(format: str, forge: Forge, merged: Path = model, outputs: Any = None, **more: Any) -> StageRun:
        told = FORMATS[format]
        made = stage("quantise", trl_python, f"quantise-{format}", **more.pop("variables", {}))
        made.forge = forge
        spec = quantising(told, **{"questions": QUESTIONS, **more})
        prepared = rows.done()["outputs"] if outputs is None else outputs
        return made.order(spec, {"prepare": prepared, "merge": {"merged": merged}})

    return make


def done(stage: StageRun) -> dict[str, Any]:
    code = stage.run()
    assert code == 0, (stage.path / "log.txt").read_text()[-3000:]
    return dict(stage.done()["result"])


def holds(stage: StageRun, model: Path, result: dict[str, Any], smaller: float) -> Path:
    """What is true of every format."""
    quantised = Path(stage.done()["outputs"]["quantised"])
    assert result["bytes"]["after"] < smaller * result["bytes"]["before"]
    assert result["worse"] < 0.5 and result["measured_on"] == "validation"
    assert len(result["answers"]["after"]) == len(QUESTIONS)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (quantised / name).read_bytes() == (model / name).read_bytes()
    assert "quantised" in stage.notes() and not (stage.path / "quantised.part").exists()
    return quantised


def said(forge: Forge, place: Path, quantised: Path) -> str:
    place.mkdir(exist_ok=True)
    with served(forge, place, quantised, "chat") as client:
        return client.ask(QUESTIONS[0], 8)


@pytest.mark.parametrize("format", ["fp8-dynamic", "int8-w8a8"])
def test_what_llm_compressor_writes_is_served_by_transformers(
    format: str, quantise: Quantise, compress_forge: Forge, quantisers_forge: Forge, model: Path, tmp_path: Path
) -> None:
    made = quantise(format, compress_forge)
    result = done(made)
    quantised = holds(made, model, result, 0.7)
    config = json.loads((quantised / "config.json").read_text())["quantization_config"]
    assert config["quant_method"] == "compressed-tensors" and "lm_head" in config["ignore"]
    assert said(quantisers_forge, tmp_path / "served", quantised) == result["answers"]["after"][0]


@pytest.mark.parametrize(("format", "smaller"), [("nf4", 0.5), ("int8-bnb", 0.7), ("hqq-int4", 0.5)])
def test_what_needs_no_rows_is_written_and_served_by_the_same_engine(
    format: str, smaller: float, quantise: Quantise, quantisers_forge: Forge, model: Path, tmp_path: Path
) -> None:
    made = quantise(format, quantisers_forge)
    result = done(made)
    quantised = holds(made, model, result, smaller)
    assert not list(quantised.glob("*.pt")), "nothing is pickled"
    assert said(quantisers_forge, tmp_path / "served", quantised) == result["answers"]["after"][0]


@pytest.mark.soak
@pytest.mark.timeout(3600)  # GPTQModel compiles what packs and what multiplies, the first time
@pytest.mark.parametrize(("format", "smaller"), [("gptq-int4", 0.5), ("gptq-int8", 0.75), ("awq-int4", 0.5)])
def test_what_gptqmodel_writes_is_served_by_the_same_engine(
    format: str, smaller: float, quantise: Quantise, quantisers_forge: Forge, model: Path, tmp_path: Path
) -> None:
    made = quantise(format, quantisers_forge)
    result = done(made)
    assert result["group"] == 128
    quantised = holds(made, model, result, smaller)
    assert said(quantisers_forge, tmp_path / "served", quantised) == result["answers"]["after"][0]


@pytest.mark.soak
def test_blocks_of_fp8_are_served_by_transformers(
    quantise: Quantise, compress_forge: Forge, quantisers_forge: Forge, model: Path, tmp_path: Path
) -> None:
    made = quantise("fp8-block", compress_forge)
    result = done(made)
    quantised = holds(made, model, result, 0.7)
    assert said(quantisers_forge, tmp_path / "served", quantised) == result["answers"]["after"][0]


@pytest.mark.soak
@pytest.mark.parametrize("format", ["fp8-dynamic", "int8-w8a8"])
def test_what_llm_compressor_writes_is_served_by_the_real_vllm(
    format: str, quantise: Quantise, compress_forge: Forge, stage: Stages, vllm_python: Path, tmp_path: Path
) -> None:
    made = quantise(format, compress_forge)
    done(made)
    key = tmp_path / "key"
    key.write_text("secret")
    told = load([builtin()]).engines["vllm-cpu"]
    server = stage("serve", vllm_python, **told.environment)
    spec = {"engine": told.id, "argv": list(told.argv), "adapter_argv": [], "host": "127.0.0.1", "port": 0}
    spec |= {"key_file": str(key), "served_name": "me", "questions": QUESTIONS, "max_new_tokens": 8, "context": 256}
    server.order({**SFT, **spec, "device": "cpu"}, {"quantise": made.done()["outputs"]})
    with serving(server):
        assert server.events("result")[-1]["after"]


def test_a_model_that_got_worse_than_allowed_is_a_red_line_and_not_thrown_away(
    quantise: Quantise, quantisers_forge: Forge, model: Path
) -> None:
    made = quantise("nf4", quantisers_forge, most_worse=-0.9)
    done(made)
    red = next(event for event in made.events("note") if event["code"] == "quantised-worse")
    assert red["level"] == "error" and red["params"]["path"] == str(model)
    assert (model / "model.safetensors").is_file()


def test_without_rows_kept_back_it_is_said_that_those_of_the_training_were_measured_on(
    quantise: Quantise, quantisers_forge: Forge, rows: StageRun
) -> None:
    outputs = {name: path for name, path in rows.done()["outputs"].items() if name != "validation"}
    made = quantise("nf4", quantisers_forge, outputs=outputs)
    assert done(made)["measured_on"] == "rows" and "measured-on-rows" in made.notes()
    phases = [event["code"] for event in made.events("phase")]
    assert phases == ["load-libraries", "measure-before", "ask", "quantise", "measure-after", "ask"]


def test_a_layer_that_does_not_divide_is_a_problem_and_leaves_the_model(
    quantise: Quantise, compress_forge: Forge, tiny_model: Path
) -> None:
    made = quantise("fp8-block", compress_forge, tiny_model)
    assert made.run() == 1
    assert made.problem()["code"] == "quantise-sizes" and made.problem()["params"]["group"] == 128
    assert (tiny_model / "model.safetensors").is_file()


def test_a_merged_model_that_is_gone_is_named(quantise: Quantise, compress_forge: Forge, tmp_path: Path) -> None:
    made = quantise("fp8-dynamic", compress_forge, tmp_path / "gone")
    assert made.run() == 1 and made.problem()["code"] == "model-file-missing"


def test_an_adapter_that_stays_apart_is_refused(
    quantise: Quantise, compress_forge: Forge, model: Path, tmp_path: Path
) -> None:
    beside = Path(shutil.copytree(model, tmp_path / "beside"))
    (beside / "adapter").mkdir()
    made = quantise("fp8-dynamic", compress_forge, beside)
    assert made.run() == 1 and made.problem()["code"] == "quantise-apart"


def test_a_format_for_cards_says_so_on_a_cpu(quantise: Quantise, quantisers_forge: Forge) -> None:
    made = quantise("eetq-int8", quantisers_forge)
    assert made.run() == 1 and made.problem()["code"] == "quantise-needs-card"


@pytest.mark.parametrize(
    ("fault", "code", "exit"),
    [
        ("MemoryError()", "out-of-memory", 75),
        ("OSError(28, 'No space left on device')", "disk-full", 1),
        ("RuntimeError('[enforce fail] DefaultCPUAllocator: can\\'t allocate memory')", "out-of-memory", 75),
    ],
)
def test_what_runs_out_is_told_and_the_trained_model_stays(
    fault: str, code: str, exit: int, quantise: Quantise, quantisers_forge: Forge, model: Path, tmp_path: Path
) -> None:
    patch = tmp_path / "fault.py"
    patch.write_text(
        f"from wizard.stages import quantising\ndef made(*told):\n    raise {fault}\nquantising.made = made\n"
    )
    made = quantise("nf4", quantisers_forge, variables={"YCDY_TEST_CODE": str(patch)})
    assert made.run() == exit and made.problem()["code"] == code
    assert not (made.path / "done.json").exists() and (model / "model.safetensors").is_file()


@pytest.mark.parametrize(("cores", "workers"), [(1, "2"), (2, "2"), (16, "15")])
def test_a_machine_of_few_cores_gets_the_workers_that_gptqmodel_wants(
    cores: int, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTQMODEL_CPU_WORKERS", "")
    monkeypatch.delenv("GPTQMODEL_CPU_WORKERS")
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    allow_few_cores()
    assert os.environ["GPTQMODEL_CPU_WORKERS"] == workers
