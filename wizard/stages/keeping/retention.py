"""Which checkpoints stay: the newest, and the best by the loss of the rows kept back, else by that of training."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard.stages.checkpoints import newest_first, step_of
from wizard.stages.keeping.manifest import read

NEWEST = 2
MEASURES = ("validation", "training")  # of a checkpoint, the truer first; the less the better


@dataclass(frozen=True, kw_only=True)
class Kept:
    """`told`: what its manifest says of it."""

    step: int
    told: Mapping[str, Any]


def best_of(kept: Sequence[Kept]) -> Kept | None:
    """None where nothing was measured. Those measured on rows kept back count alone where there are any."""
    for name in MEASURES:
        measured = [each for each in kept if isinstance(each.told.get(name), float) and math.isfinite(each.told[name])]
        if measured:
            return min(measured, key=lambda each: (each.told[name], -each.step))
    return None


def too_many(kept: Sequence[Kept], newest: int) -> list[int]:
    """Steps of those that may go: neither among the `newest` nor the best."""
    staying = sorted((each.step for each in kept), reverse=True)[:newest]
    best = best_of(kept)
    return [each.step for each in kept if each.step not in staying and each is not best]


def kept_in(folder: Path) -> list[Kept]:
    return [Kept(step=step_of(path), told=read(path)) for path in newest_first(folder)]


def thin_out(folder: Path, newest: int = NEWEST) -> None:
    gone = too_many(kept_in(folder), newest)
    for path in newest_first(folder):
        if step_of(path) in gone:
            shutil.rmtree(path, ignore_errors=True)
