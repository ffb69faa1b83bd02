from __future__ import annotations

import time
from pathlib import Path

from tests.unit.stages.programs import KNOBS, SFT, Stages


def test_a_forged_stage_does_what_the_program_does(
    stage: Stages, forged: Stages, trl_python: Path, tiny_model: Path, tiny_rows: Path
) -> None:
    inputs = {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
    spec = {**SFT, "knobs": KNOBS, "device": "cpu"}
    alone = stage("train", trl_python, "alone").order(spec, inputs)
    made = forged("train", "forged").order(spec, inputs)
    assert alone.run() == 0
    began = time.monotonic()
    assert made.run() == 0, (made.path / "log.txt").read_text()[-3000:]
    print("seconds", time.monotonic() - began)
    weights = [Path(each.done()["outputs"]["adapter"]) / "adapter_model.safetensors" for each in (alone, made)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    broken = forged("train", "broken").order({**spec, "settings": {"lerning_rate": 1}}, inputs)
    assert broken.run() == 1
    assert broken.problem()["code"] == "setting-unknown"
    broken = forged("train", "refused").order({**spec, "settings": {"lr_scheduler_type": "cosin"}}, inputs)
    assert broken.run() == 1
    assert broken.problem()["code"] == "settings-refused"
    assert "cosin" in broken.problem()["params"]["error"]
