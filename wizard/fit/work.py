"""Time, disk and RAM of each stage: first forecasts from FLOPs, sizes and start-up times that were seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil

from wizard.contract import Board, Catalog, Cpu, Knobs, Machine, Method, Model, Recipe
from wizard.fit.law import CPU_PROGRAM, GIB

UTILISATION = 0.35  # of a card's dense rate, by an untuned LoRA run
SLOWER = {"nf4": 1.35, "dora": 1.4, "zero": 1.5}
UNKNOWN_TFLOPS = 30.0
LAUNCH_SECONDS_PER_LAYER = 0.004  # a small model waits for kernels to be started, not for arithmetic
GFLOPS_PER_CORE = (("amx_bf16", 120.0), ("avx512f", 45.0), ("avx2", 27.0), ("", 8.0))
DOWNLOAD_BYTES_PER_SECOND = 25e6
LOOK_SECONDS = 2.0  # a model that is here is only checked
CONVERT_SECONDS, PREPARE_SECONDS, TRAIN_START_SECONDS, MERGE_SECONDS = 20.0, 10.0, 15.0, 15.0
MERGE_TOKENS, RAM_BYTES_PER_SECOND = 100, 12e9  # the merge's greedy answers read all weights once per token
SERVE_SECONDS = {"vllm-cpu": 50.0, "vllm": 75.0, "transformers": 20.0}
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


def steps_of(knobs: Knobs, load: Load) -> int:
    asked = ceil(load.rows * knobs.epochs / (knobs.micro_batch * knobs.accumulate * knobs.n_gpus))
    return min(asked, knobs.max_steps) if knobs.max_steps else asked


def train_seconds(knobs: Knobs, load: Load, micro_step: float) -> float:
    return TRAIN_START_SECONDS + steps_of(knobs, load) * knobs.accumulate * micro_step


def micro_step_seconds(
    model: Model, method: Method, knobs: Knobs, row_tokens: int, machine: Machine, board: Board | None, device: str
) -> float:
    """Forward and backward of one micro-batch whose rows have so many tokens."""
    a = model.architecture
    passes = 3 if knobs.grad_ckpt else 2  # forward and the activations' gradients; weights are frozen
    per_token = passes * (2 * model.params + 2 * a.layers * row_tokens * a.heads * a.head_dim)
    tokens = knobs.micro_batch * row_tokens
    slower = SLOWER.get(method.quantisation, 1.0) * (SLOWER["dora"] if method.dora else 1.0)
    slower *= SLOWER["zero"] if knobs.zero_stage == 3 else 1.0
    if device == "cuda":
        rate = card_flops(board) * UTILISATION
        least = LAUNCH_SECONDS_PER_LAYER * a.layers * passes / 2 * slower
    else:
        rate, least = cpu_flops(machine.cpu), 0.02 * a.layers
    return max(per_token * tokens / rate * slower, least)


def card_flops(board: Board | None) -> float:
    rates = board.tflops if board else {}
    return (rates.get("bf16") or rates.get("fp16") or rates.get("fp32") or UNKNOWN_TFLOPS) * 1e12


def cpu_flops(cpu: Cpu) -> float:
    each = next(rate for flag, rate in GFLOPS_PER_CORE if not flag or flag in cpu.flags)
    return each * 1e9 * float(min(cpu.cores, 32) ** 0.95)


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
    wrote = {
        "fetch": 0 if fetched else saved,
        "train": trained * 4 + 3 * trained * 12,
        "merge": saved,
        "prepare": 5_000_000,
    }
    seen = set(built)
    disk: dict[str, int] = {}
    for stage, name in engines.items():
        added = 0 if name in seen else catalog.engines[name].disk_bytes.get(kind, 0)
        disk[stage] = wrote.get(stage, 0) + added
        seen.add(name)
    return disk


def stage_memory(engines: Mapping[str, str], model: Model, train: int, device: str, halves: bool) -> dict[str, int]:
    """RAM of every stage on a CPU; on a card what train and serve hold there."""
    whole = model.params * 4
    if device == "cuda":
        found = {"train": train, "serve": served_bytes(model), "prepare": CPU_PROGRAM // 2}
    else:
        served = model.params * (2 if halves else 4) + SERVER_RAM.get(engines.get("serve", ""), 0)
        found = {"fetch": whole + CPU_PROGRAM // 2, "prepare": CPU_PROGRAM // 2, "train": train, "serve": served}
    return {stage: found.get(stage, merge_ram(model) if stage == "merge" else 0) for stage in engines}


def served_bytes(model: Model) -> int:
    """bf16 weights, room for a first key-value cache, the server's own buffers."""
    return int(model.params * 2 * 1.05) + 2 * GIB


def merge_ram(model: Model) -> int:
    """The merge compares in fp32, in RAM."""
    return model.params * 4 + CPU_PROGRAM
