"""Where a merge is done and how it holds the model: the fastest way that there is memory for.

The merge stage computes in fp32. Weights held in bf16 are widened a module at a time, which takes half of the memory,
and on a CPU more time; on a card, where a copy is cheap, hardly any.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from wizard.contract import Architecture, Model
from wizard.fit.memory.held import PACKED
from wizard.fit.memory.law import CPU_PROGRAM, CUDA_CONTEXT
from wizard.fit.reading.shape import layer_groups, quantisable_params

ANSWER_TOKENS = 100  # of the answers before and after
RAM_BYTES_PER_SECOND = 12e9
MOVED = {4: 4, 2: 10}  # bytes moved for one weight and token: read in fp32; or read, written and read again
START_SECONDS = 15.0
SHARD = 5 * 10**9  # weights are read and written in files of this size


class Merging(NamedTuple):
    device: str  # cpu cuda
    weight_bytes: int  # 4 2
    card_bytes: int
    ram_bytes: int


def merging(model: Model, device: str, card_free: int, ram_free: int) -> Merging:
    for held in (2,) if model.held else (4, 2):
        if device == "cuda" and held_bytes(model, held) + CUDA_CONTEXT <= card_free:
            shard = min(weight_bytes(model), SHARD)
            return Merging("cuda", held, held_bytes(model, held) + CUDA_CONTEXT, shard + CPU_PROGRAM)
    held = 4 if not model.held and held_bytes(model, 4) + CPU_PROGRAM <= ram_free else 2
    return Merging("cpu", held, 0, held_bytes(model, held) + CPU_PROGRAM)


def held_bytes(model: Model, held: int) -> int:
    """With what one module takes in fp32 while it runs and is merged: itself, and what is added to it."""
    a = model.architecture
    whole = weight_bytes(model) if model.held else model.params * held
    return whole + max(2 * widest_of(a), a.vocab * a.hidden) * 4


def weight_bytes(model: Model) -> int:
    """As they are had: in 16 bits, or in 4 with their scales and the rest in 16."""
    if not model.held:
        return model.params * 2
    packed = quantisable_params(model.architecture)
    return int(packed * PACKED["int4"]) + (model.params - packed) * 2


@cache
def widest_of(a: Architecture) -> int:
    return max(linear.size * linear.copies for _, group in layer_groups(a) for linear in group)


def answering_seconds(model: Model, way: Merging) -> float:
    """All weights are read once for a token."""
    if way.device == "cuda":
        return 0.0
    return ANSWER_TOKENS * model.params * MOVED[way.weight_bytes] / RAM_BYTES_PER_SECOND
