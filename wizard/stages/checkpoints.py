"""Which checkpoint to go on from: the newest whole one. Saving is not atomic, so a killed run may leave half of one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wizard.contract.sharing import world_of
from wizard.stages.desk import Bench
from wizard.stages.meeting import node_rank, shared_folder
from wizard.stages.sharing import cards_of, fsdp, nodes_of, zero_stage
from wizard.stages.weights import shards, whole

PREFIX = "checkpoint-"
SHARDS = "latest"


def newest_whole(bench: Bench, folder: Path) -> Path | None:
    """Damaged newer ones are set aside, so that the trainer neither loads nor counts them."""
    for checkpoint in newest_first(folder):
        if (fault := fault_of(checkpoint, bench.order.knobs)) is None:
            return checkpoint
        aside = checkpoint.with_name(f"damaged-{checkpoint.name}-{bench.order.attempt}")
        checkpoint.rename(aside)
        bench.note("checkpoint-damaged", "warning", step=step_of(checkpoint), file=fault, path=str(aside))
    return None


def newest_first(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(PREFIX + "*") if path.is_dir() and path.name[len(PREFIX) :].isdigit()]
    return sorted(found, key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name[len(PREFIX) :])


def fault_of(checkpoint: Path, knobs: Mapping[str, Any]) -> str | None:
    """The first file that is missing or damaged."""
    return next((file.name for file, good in checks(checkpoint, knobs) if not good), None)


def checks(checkpoint: Path, knobs: Mapping[str, Any]) -> Iterator[tuple[Path, bool]]:
    state = checkpoint / "trainer_state.json"
    yield state, tells_step(state, step_of(checkpoint))
    for name in ("adapter_model.safetensors",) if is_adapter(checkpoint) else shards(checkpoint):
        yield checkpoint / name, whole(checkpoint / name)
    if zero_stage(knobs):
        yield checkpoint / SHARDS, shards_of(checkpoint).is_dir()
    for file in archives(checkpoint, knobs):
        yield file, archive_is_whole(file)


def is_adapter(checkpoint: Path) -> bool:
    """Rather than a model of its own."""
    return not (checkpoint / "config.json").is_file()


def archives(checkpoint: Path, knobs: Mapping[str, Any]) -> Iterator[Path]:
    """Each card has random numbers of its own, and under ZeRO its part of what is trained in a file of its own."""
    stage, cards = zero_stage(knobs), written_here(knobs)
    yield checkpoint / "scheduler.pt"
    for card in cards:
        yield checkpoint / (f"rng_state_{card}.pth" if world_of(knobs) > 1 else "rng_state.pth")
    if fsdp(knobs):
        yield from (checkpoint / name for name in ("pytorch_model_fsdp.bin", "optimizer.bin"))
        return
    if stage == 0:
        yield checkpoint / "optimizer.pt"
        return
    shards = shards_of(checkpoint)
    for card in cards:
        yield named_like(shards, f"zero_pp_rank_{card}_mp_rank_00_optim_states.pt")
    for card in cards:
        if stage == 3:
            yield shards / f"zero_pp_rank_{card}_mp_rank_00_model_states.pt"
    if stage < 3:
        yield shards / "mp_rank_00_model_states.pt"


def written_here(knobs: Mapping[str, Any]) -> range:
    """Cards whose parts lie in one folder: of all machines where they share a disk, else of this one."""
    if nodes_of(knobs) == 1 or shared_folder():
        return range(world_of(knobs))
    return range(cards_of(knobs) * node_rank(), cards_of(knobs) * (node_rank() + 1))


def shards_of(checkpoint: Path) -> Path:
    """DeepSpeed names the folder in a file that it writes when everything is there."""
    try:
        return checkpoint / ((checkpoint / SHARDS).read_text(encoding="utf-8").strip() or SHARDS)
    except (OSError, UnicodeDecodeError):
        return checkpoint / SHARDS


def named_like(folder: Path, name: str) -> Path:
    """The number type stands before the name where it is bf16."""
    return next(folder.glob(f"*{name}"), folder / name)


def tells_step(state: Path, step: int) -> bool:
    try:
        return bool(json.loads(state.read_text(encoding="utf-8"))["global_step"] == step)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def archive_is_whole(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError):
        return False
