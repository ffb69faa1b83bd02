"""Unsloth needs a card: its arguments are held against its wheel's source, and our stage runs with a stand-in."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.unit.stages.programs import KNOBS, SFT, Forge, Stages
from tests.unit.stages.test_tuners import METHODS

VERSION = "2026.10.9"
KEPT = Path(__file__).with_name("unsloth.json")
PLACES = {  # argument names are read where each is defined
    "from_pretrained": ("loader.py", "FastLanguageModel"),
    "get_peft_model": ("llama.py", "FastLlamaModel"),
}


@pytest.mark.parametrize("method", ["unsloth", "unsloth-4bit"])
def test_a_stage_trains_by_unsloths_door(
    method: str, forged: Stages, forge: Forge, tiny_model: Path, tiny_rows: Path
) -> None:
    inputs = {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
    spec = {"knobs": {**KNOBS, "max_steps": 2}, **SFT, "method": asdict(METHODS[method]), "device": "cpu"}
    train = forged("train").order(spec, inputs)
    script = str(Path(__file__).with_name("check_unsloth.py"))
    assert forge.run(script, train.path, str(train.path)) == 0, (train.path / "log.txt").read_text()[-3000:]
    seen = json.loads((train.path / "told.json").read_text())
    four = method == "unsloth-4bit"
    assert seen["from_pretrained"]["load_in_4bit"] == str(four)
    assert seen["from_pretrained"]["load_in_16bit"] == str(not four)
    assert seen["from_pretrained"]["trust_remote_code"] == "False"
    assert (seen["get_peft_model"]["r"], seen["get_peft_model"]["target_modules"]) == ("4", "all-linear")
    assert (Path(train.done()["outputs"]["adapter"]) / "adapter_model.safetensors").is_file()


def test_the_arguments_are_those_of_its_wheel(tmp_path: Path) -> None:
    """YCDY_UNSLOTH=1: 28 MB are downloaded. To take down a newer one, set VERSION and delete the file."""
    wheel = downloaded(tmp_path)
    with zipfile.ZipFile(wheel) as packed:
        found = {
            name: arguments(packed.read(f"unsloth/models/{file}").decode(), kind, name)
            for name, (file, kind) in PLACES.items()
        }
    if not KEPT.is_file():
        KEPT.write_text(json.dumps(found, indent=1) + "\n")
    assert json.loads(KEPT.read_text()) == found


def downloaded(place: Path) -> Path:
    if not os.environ.get("YCDY_UNSLOTH"):
        pytest.skip("downloads 28 MB: set YCDY_UNSLOTH=1")
    python = shutil.which("python3") or "python3"
    command = [python, "-m", "pip", "download", "-q", "--no-deps", "-d", str(place), f"unsloth=={VERSION}"]
    subprocess.run(command, check=True)
    return next(place.glob("unsloth-*.whl"))


def arguments(source: str, kind: str, function: str) -> list[str]:
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == kind]
    found = [each for node in classes for each in node.body if isinstance(each, ast.FunctionDef)]
    told = next(each.args for each in found if each.name == function)
    return [each.arg for each in (*told.args, *told.kwonlyargs)]
