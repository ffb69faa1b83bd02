"""Which checkpoint to go on from: the newest whole one. What is being written has another name until it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.contract.sharing import world_of
from wizard.stages.desk import Bench
from wizard.stages.keeping import manifest
from wizard.stages.sharing import fsdp, sequence, zero_stage

PREFIX = "checkpoint-"
UNFINISHED = "unfinished"


def newest_whole(bench: Bench, folder: Path) -> Path | None:
    """Damaged newer ones are set aside, so that nobody loads or counts them; one that was being written is gone."""
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    for checkpoint in newest_first(folder):
        if (fault := fault_of(checkpoint, bench.order.knobs)) is None:
            return checkpoint
        aside = set_aside(checkpoint, "damaged", bench.order.attempt)
        bench.note("checkpoint-damaged", "warning", step=step_of(checkpoint), file=fault, path=str(aside))
    return None


def set_aside(checkpoint: Path, why: str, attempt: int) -> Path:
    return checkpoint.rename(checkpoint.with_name(f"{why}-{checkpoint.name}-{attempt}"))


def newest_first(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(PREFIX + "*") if path.is_dir() and path.name[len(PREFIX) :].isdigit()]
    return sorted(found, key=step_of, reverse=True)


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name[len(PREFIX) :])


def fault_of(checkpoint: Path, knobs: Mapping[str, Any]) -> str | None:
    """The first file that is missing or damaged; the manifest, where the cards shared it in another way."""
    told = manifest.read(checkpoint)
    if told.get("step") != step_of(checkpoint) or told.get("shared") != shared(knobs):
        return manifest.NAME
    return manifest.fault_of(checkpoint)


def shared(knobs: Mapping[str, Any]) -> list[int]:
    """Each card has random numbers of its own, and under ZeRO and FSDP its part of what is trained."""
    return [world_of(knobs), zero_stage(knobs), int(fsdp(knobs)), sequence(knobs)]
