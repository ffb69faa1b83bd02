"""Which checkpoint to go on from: the newest whole one. Saving is not atomic, so a killed run may leave half of one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from wizard.stages.desk import Bench
from wizard.stages.weights import whole

PREFIX = "checkpoint-"
ARCHIVES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")


def newest_whole(bench: Bench, folder: Path) -> Path | None:
    """Damaged newer ones are set aside, so that the trainer neither loads nor counts them."""
    for checkpoint in newest_first(folder):
        if (fault := fault_of(checkpoint)) is None:
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


def fault_of(checkpoint: Path) -> str | None:
    """The first file that is missing or damaged."""
    return next((file.name for file, good in checks(checkpoint) if not good), None)


def checks(checkpoint: Path) -> Iterator[tuple[Path, bool]]:
    state = checkpoint / "trainer_state.json"
    yield state, tells_step(state, step_of(checkpoint))
    weights = checkpoint / "adapter_model.safetensors"
    yield weights, whole(weights)
    for name in ARCHIVES:
        yield checkpoint / name, archive_is_whole(checkpoint / name)


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
