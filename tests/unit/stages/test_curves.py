"""The same settings, data and seed: the loss of each step is that of a plain TRL script which is given the texts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, Forge, StageRun, Stages
from wizard.stages.device import cpu_has_bf16

FULL = {**LORA, "id": "full", "trainable": "all", "tuner": "full"}
SIMPO = {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2.0}


@pytest.mark.parametrize(
    ("kind", "task", "method", "settings"),
    [
        pytest.param("sft", "sft", LORA, {}, id="sft"),
        pytest.param("dpo", "dpo", LORA, {"beta": 0.1}, id="dpo"),
        pytest.param("dpo", "dpo", FULL, {"precompute_ref_log_probs": True}, id="dpo-reference-worked-out"),
        pytest.param("dpo", "dpo", FULL, {"loss_type": "ipo"}, id="ipo-reference-beside"),
        pytest.param("kto", "kto", LORA, {}, id="kto"),
        pytest.param("orpo", "dpo", LORA, {}, id="orpo"),
        pytest.param("cpo", "dpo", LORA, SIMPO, id="simpo"),
        pytest.param("reward", "reward", LORA, {}, id="reward"),
    ],
)
def test_each_step_loses_what_plain_trl_loses(
    forged: Stages,
    forge: Forge,
    prepared_for: Callable[[str], StageRun],
    tiny_model: Path,
    tmp_path: Path,
    kind: str,
    task: str,
    method: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    prepare, model = prepared_for(task), tiny_model
    if kind in ("orpo", "cpo"):
        prepare, model = without_a_tail(forged, prepare, tiny_model, tmp_path)
    spec = {"trainer": kind, "settings": settings, "method": method, "device": "cpu"}
    spec |= {"knobs": KNOBS | {"max_steps": 6, "save_steps": 100}}
    train = forged("train").order(spec, {"fetch": {"model": model}, "prepare": prepare.done()["outputs"]})
    assert train.run() == 0, (train.path / "log.txt").read_text()[-3000:]
    dtype = "bfloat16" if cpu_has_bf16() else "float32"  # as our stage chooses
    rows = prepared_for(task).path.with_name("rows.jsonl")
    asked = [kind, str(model), str(rows), method["id"], dtype, json.dumps(settings)]
    assert forge.run("check_curves", tmp_path, *asked) == 0, (tmp_path / "log.txt").read_text()[-3000:]
    plain = json.loads((tmp_path / "curve.json").read_text())
    assert [line["values"]["loss"] for line in train.metrics()] == plain


def without_a_tail(forged: Stages, prepare: StageRun, model: Path, place: Path) -> tuple[StageRun, Path]:
    """The model and its rows with nothing behind an answer's end: where there is, TRL's ORPO and CPO add an end."""
    folder = place / "model"
    shutil.copytree(model, folder)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|im_end|>\n", "<|im_end|>"))
    order = json.loads((prepare.path / "spec.json").read_text())
    again = forged("prepare").order(order["spec"], {"fetch": {"model": folder}})
    assert again.run() == 0, (again.path / "log.txt").read_text()[-3000:]
    return again, folder
