"""CUDA_VISIBLE_DEVICES as CUDA reads it: numbers or UUIDs, in order, up to the first that names no card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wizard.contract import Gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    card: int  # NVML's number of the card, which several MIG instances share
    gpu: Gpu


def visible(seen: Sequence[Seen], value: str | None) -> tuple[Gpu, ...]:
    if value is None:
        return tuple(one.gpu for one in seen)
    chosen: list[Gpu] = []
    for entry in value.split(","):
        gpu = named(entry.strip(), seen)
        if gpu is None:
            break
        if gpu not in chosen:
            chosen.append(gpu)
    return tuple(chosen)


def named(entry: str, seen: Sequence[Seen]) -> Gpu | None:
    """A number means the first instance of that card; a UUID may be cut short."""
    if entry.isdecimal():
        return next((one.gpu for one in seen if one.card == int(entry)), None)
    if not entry.startswith(("GPU-", "MIG-")):
        return None
    return next((one.gpu for one in seen if one.gpu.uuid.startswith(entry)), None)
