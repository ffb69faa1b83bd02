from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wizard.contract import Choice, DataChoice, Environment, Knobs, Plan, Stage, Verdict
from wizard.journal import RunFolder, write_plan


@pytest.fixture
def plan() -> Plan:
    stages = tuple(
        Stage(
            name=name,
            folder=f"{number:02}-{name}",
            engine="toy",
            environment=f"{name}-cpu-py311",
            service=name == "serve",
            rungs=({}, {"micro_batch": 1}),
        )
        for number, name in enumerate(("fetch", "prepare", "train", "serve"), 1)
    )
    return Plan(
        run="toy-run",
        created=1.0,
        language="en",
        choice=Choice(recipe="r", model="m", knobs=Knobs(), data=DataChoice(kind="bundled", ref="d")),
        device="cpu",
        gpus=(),
        stages=stages,
        environments=(Environment(id="train-cpu-py311", engine="toy", accelerator="cpu", python="3.11", digest="d"),),
        forecast=Verdict(
            recipe="r",
            model="m",
            task="identity",
            method="lora",
            knobs=Knobs(),
            status="fits",
            peak_bytes=1,
            reserved_bytes=1,
            card_bytes=1,
            safe_bytes=1,
            capacity_bytes=1,
            moment="step",
            terms=(),
        ),
    )


@pytest.fixture
def folder(tmp_path: Path, plan: Plan) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / plan.run)
    for stage in plan.stages:
        run.stage(stage.folder).path.mkdir(parents=True)
    write_plan(run.plan, plan)
    return run


@pytest.fixture
def write_metrics() -> Callable[..., None]:
    def write(path: Path, steps: range) -> None:
        with path.open("a", encoding="utf-8") as file:
            for step in steps:
                loss = 0.5 + 2 / (1 + step / 1000) + (step * 7919 % 101) / 1000
                rest = '"learning_rate":1e-4,"grad_norm":0.6,"tokens_per_second":3912.5,"step_seconds":0.84'
                file.write(
                    f'{{"at":{step}.5,"step":{step},"total":{steps.stop},"values":{{"loss":{loss:.4f},{rest}}}}}\n'
                )

    return write
