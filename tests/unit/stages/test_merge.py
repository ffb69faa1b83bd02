from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, SFT, StageRun, Stages, environment

QUESTIONS = ["What is 3 and 3?", "你是谁?"]


@pytest.fixture(scope="module")
def adapter(
    tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path, tiny_rows: Path
) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train = StageRun(folder / "train", "train", trl_python, lib, folder)
    spec = {"knobs": KNOBS, **SFT, "device": "cpu"}
    train.order(spec, {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}})
    assert train.run() == 0
    return Path(train.done()["outputs"]["adapter"])


@pytest.fixture
def make(stage: Stages, trl_python: Path, tiny_model: Path) -> Any:
    def ordered(adapter: Path) -> StageRun:
        spec = {**SFT, "questions": QUESTIONS, "max_new_tokens": 12}
        return stage("merge", trl_python).order(spec, {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}})

    return ordered


def test_the_merged_model_answers_as_base_and_adapter_do(make: Any, adapter: Path, tiny_model: Path) -> None:
    merge = make(adapter)
    assert merge.run() == 0
    done = merge.done()
    parity = done["result"]["parity"]
    assert parity["equal"] is True
    assert 2 <= parity["tokens"] <= 24
    assert parity["max_logit_diff"] < 1e-4
    assert parity["cast_logit_diff"] < 1.0
    assert len(done["result"]["before"]) == len(QUESTIONS)
    merged = Path(done["outputs"]["merged"])
    for name in ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "generation_config.json"):
        assert (merged / name).is_file(), name
    assert json.loads((merged / "config.json").read_text())["dtype"] == "bfloat16"
    assert (merged / "model.safetensors").read_bytes() != (tiny_model / "model.safetensors").read_bytes()


def test_held_in_halves_it_answers_and_proves_the_same(
    stage: Stages, trl_python: Path, tiny_model: Path, adapter: Path
) -> None:
    results = []
    for held in (2, 4):
        spec = {**SFT, "questions": QUESTIONS, "max_new_tokens": 12, "weight_bytes": held}
        inputs = {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}}
        merge = stage("merge", trl_python, folder=f"merge-{held}").order(spec, inputs)
        assert merge.run() == 0
        results.append(merge.done()["result"])
    halves, whole = results
    assert halves["before"] == whole["before"]
    assert halves["parity"]["equal"] and halves["parity"]["tokens"] == whole["parity"]["tokens"]
    assert halves["parity"]["max_logit_diff"] < 1e-5


def test_every_kind_of_layer_and_adapter_is_widened_and_merged_bit_for_bit(trl_python: Path, lib: Path) -> None:
    script = Path(__file__).with_name("check_widening.py")
    told = subprocess.run(
        [str(trl_python), str(script)], check=True, env=environment(lib), stdout=subprocess.PIPE, text=True
    ).stdout
    cases = [json.loads(line) for line in told.splitlines()]
    assert len(cases) == 24
    for case in cases:
        assert all(case.values()), case


def test_a_damaged_adapter_is_named_before_anything_is_loaded(make: Any, adapter: Path, tmp_path: Path) -> None:
    copy = tmp_path / "adapter"
    shutil.copytree(adapter, copy)
    weights = copy / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    merge = make(copy)
    assert merge.run() == 1
    assert merge.problem() == {"code": "adapter-damaged", "params": {"path": str(copy)}}


def test_a_merge_that_changes_nothing_is_no_result(
    forged: Stages, adapter: Path, tiny_model: Path, trl_python: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "adapter"
    shutil.copytree(adapter, copy)
    blank = (
        "import sys; from safetensors.torch import load_file, save_file;"
        "save_file({k: v * ('lora_A' in k) for k, v in load_file(sys.argv[1]).items()}, sys.argv[1], {'format': 'pt'})"
    )
    subprocess.run([str(trl_python), "-c", blank, str(copy / "adapter_model.safetensors")], check=True)
    inputs = {"fetch": {"model": tiny_model}, "train": {"adapter": copy}}
    merge = forged("merge").order({**SFT, "questions": QUESTIONS, "max_new_tokens": 12}, inputs)
    assert merge.run() == 1
    assert merge.problem()["code"] == "weights-unchanged"
    assert not (merge.path / "merged").exists()


def test_an_adapter_that_is_kept_apart_lies_beside_the_base_as_it_was(
    forged: Stages, adapter: Path, tiny_model: Path
) -> None:
    inputs = {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}}
    spec = {**SFT, "merge": "apart", "questions": QUESTIONS, "max_new_tokens": 12}
    merge = forged("merge").order(spec, inputs)
    assert merge.run() == 0
    assert merge.done()["result"]["parity"]["equal"] is True
    merged = Path(merge.done()["outputs"]["merged"])
    for file in ("adapter_model.safetensors", "adapter_config.json"):
        assert (merged / "adapter" / file).read_bytes() == (adapter / file).read_bytes()
    for path in tiny_model.iterdir():
        assert (merged / path.name).read_bytes() == path.read_bytes()
    assert (merged / "config.json").stat().st_ino != (tiny_model / "config.json").stat().st_ino


@pytest.fixture(scope="module")
def other(
    tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path, tiny_rows: Path
) -> Path:
    """An adapter of another rank and of some layers alone."""
    folder = tmp_path_factory.mktemp("other")
    train = StageRun(folder / "train", "train", trl_python, lib, folder)
    knobs = KNOBS | {"rank": 4, "targets": ["q_proj", "down_proj"], "seed": 7}
    train.order(
        {"knobs": knobs, **SFT, "device": "cpu"}, {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
    )
    assert train.run() == 0
    return Path(train.done()["outputs"]["adapter"])


ADDED = """
import sys, torch
from pathlib import Path
from safetensors.torch import load_file
from json import loads
base, ours, other, merged, weight = sys.argv[1:6]
was, now = (load_file(f"{place}/model.safetensors") for place in (base, merged))
for name in ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj", "model.layers.1.mlp.up_proj"):
    wanted = was[f"{name}.weight"].float()
    for place, much in ((ours, 1.0), (other, float(weight))):
        told = loads(Path(f"{place}/adapter_config.json").read_text())
        own = load_file(f"{place}/adapter_model.safetensors")
        down, up = (own.get(f"base_model.model.{name}.lora_{side}.weight") for side in "AB")
        if down is not None:
            wanted += much * told["lora_alpha"] / told["r"] * (up.float() @ down.float())
    assert torch.equal(now[f"{name}.weight"], wanted.bfloat16()), name
"""


def test_two_adapters_are_merged_as_the_sum_of_what_they_add(
    forged: Stages, trl_python: Path, tiny_model: Path, adapter: Path, other: Path
) -> None:
    more = [{"path": str(other), "weight": 0.5, "name": "other"}]
    inputs = {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}}
    merge = forged("merge").order({**SFT, "questions": QUESTIONS, "max_new_tokens": 12, "adapters": more}, inputs)
    assert merge.run() == 0, merge.problem()
    assert merge.done()["result"]["parity"]["equal"]
    places = [tiny_model, adapter, other, Path(merge.done()["outputs"]["merged"])]
    subprocess.run([str(trl_python), "-c", ADDED, *map(str, places), "0.5"], check=True)


def test_two_adapters_kept_apart_lie_beside_the_base_by_their_names(
    forged: Stages, tiny_model: Path, adapter: Path, other: Path
) -> None:
    more = [{"path": str(other), "weight": 1.0, "name": "other"}]
    spec = {**SFT, "questions": QUESTIONS, "max_new_tokens": 12, "merge": "apart", "adapters": more}
    merge = forged("merge").order(spec, {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}})
    assert merge.run() == 0
    merged = Path(merge.done()["outputs"]["merged"])
    for place, kept in ((merged / "adapter", adapter), (merged / "adapters" / "other", other)):
        name = "adapter_model.safetensors"
        assert (place / name).read_bytes() == (kept / name).read_bytes()


def test_what_cannot_be_added_is_named(
    forged: Stages, tiny_model: Path, adapter: Path, other: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "dora"
    shutil.copytree(other, copy)
    told = json.loads((copy / "adapter_config.json").read_text())
    (copy / "adapter_config.json").write_text(json.dumps(told | {"use_dora": True}))
    wide = tmp_path / "wide"
    shutil.copytree(other, wide)
    (wide / "adapter_config.json").write_text(json.dumps(told | {"r": 2}))
    for path, code in ((copy, "adapter-does-not-add"), (wide, "adapter-of-another-base")):
        more = [{"path": str(path), "weight": 1.0, "name": "other"}]
        spec = {**SFT, "questions": QUESTIONS, "max_new_tokens": 12, "adapters": more}
        merge = forged("merge", folder=f"merge-{path.name}").order(
            spec, {"fetch": {"model": tiny_model}, "train": {"adapter": adapter}}
        )
        assert merge.run() == 1
        assert merge.problem()["code"] == code
