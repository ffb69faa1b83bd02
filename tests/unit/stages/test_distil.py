from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, ROWS, Forge, StageRun, Stages

Make = Callable[..., StageRun]


@pytest.fixture
def make(forged: Stages, tiny_model: Path) -> Make:
    def ordered(folder: str, student: Path = tiny_model, **settings: Any) -> StageRun:
        inputs: dict[str, Any] = {"fetch": {"model": student}}
        prepare = forged("prepare")
        told = {"data": {"kind": "bundled"}, "task": "distil", "rows": ROWS, "knobs": KNOBS}
        assert prepare.order(told, inputs).run() == 0
        inputs["prepare"] = prepare.done()["outputs"]
        spec = {"trainer": "distil", "settings": {"max_completion_length": 8, **settings}, "method": LORA}
        return forged("train", folder).order({**spec, "knobs": KNOBS | {"max_steps": 2}, "device": "cpu"}, inputs)

    return ordered


def test_a_teacher_with_more_places_than_words_teaches(
    make: Make, forge: Forge, tiny_model: Path, tmp_path: Path
) -> None:
    stored = tmp_path / "home" / "models" / "big"
    stored.parent.mkdir(parents=True)
    assert forge.run("make_teacher", tmp_path, str(tiny_model), str(stored), "320") == 0
    train = make("taught", teacher="big")
    assert train.run() == 0, (train.path / "log.txt").read_text()[-3000:]
    steps = [step["values"] for step in train.metrics()]
    assert len(steps) == 2
    assert all({"loss", "completions/mean_length"} <= set(step) for step in steps)
    assert all(step["loss"] > 0 and step["grad_norm"] > 0 for step in steps)


def test_a_teacher_that_is_none_is_a_problem(make: Make, forge: Forge, tiny_model: Path, tmp_path: Path) -> None:
    other, large = tmp_path / "other", tmp_path / "large"
    shutil.copytree(tiny_model, other)
    words = json.loads((other / "tokenizer.json").read_text())
    vocabulary = words["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (other / "tokenizer.json").write_text(json.dumps(words))
    assert forge.run("make_teacher", tmp_path, str(tiny_model), str(large), "320") == 0
    for code, student, name in (
        ("teacher-unnamed", tiny_model, ""),
        ("teacher-missing", tiny_model, "nobody"),
        ("teacher-other-words", tiny_model, str(other)),
        ("teacher-fewer-words", large, str(tiny_model)),
    ):
        train = make(code, student, teacher=name)
        assert train.run() == 1, (train.path / "log.txt").read_text()[-3000:]
        assert train.problem()["code"] == code
