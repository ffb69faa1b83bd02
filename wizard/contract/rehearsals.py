"""What a rehearsal measured, and which knobs decide the memory of a training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MEMORY_KNOBS = (
    "seq_len",
    "micro_batch",
    "rank",
    "targets",
    "optimizer",
    "grad_ckpt",
    "fused_loss",
    "packing",
    "dtype",
    "attention",
    "compile",
    "offload_activations",
    "zero_stage",
    "fsdp",
    "offload",
    "sequence_parallel",
    "n_gpus",
    "nodes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Both sides hold peak_bytes, reserved_bytes, card_bytes and seconds_per_step; empty where nothing was forecast."""

    at: float = 0.0
    rung: int = 0
    longest: int = 0  # tokens of the longest row it ran on
    predicted: Mapping[str, float] = field(default_factory=dict)
    measured: Mapping[str, float] = field(default_factory=dict)
    ratio: float = 0.0  # of the card_bytes; 0 where nothing was forecast
