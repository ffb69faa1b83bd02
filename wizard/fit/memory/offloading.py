"""Activations that wait in RAM for their backward: what of them is on the card all the same, and what is in RAM."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.fit.memory import sharding
from wizard.fit.memory.layers import Alike, records_of
from wizard.fit.memory.step import Step
from wizard.fit.recording.tape import NOTHING, Size

# Inputs of layers that are on the card where activations are offloaded (TRL's and torchtune's OffloadActivations): in
# the forward, at its end, where the last norm's own have taken their place, and in a layer's backward.
STASHED, ENDING, RETURNED = 5, 2, 2


def inputs_of(step: Step, records: Sequence[Alike], count: int) -> Size:
    """Of so many layers, as checkpoints; without them what waits is no more than the layer at work keeps itself."""
    most = Size(*map(max, zip(*(record.kept for _, record, _ in records), strict=True)))
    return NOTHING.plus(most, min(count, step.architecture.layers - 1) if step.checkpointing else 0)


def in_ram(step: Step) -> int:
    """Bytes of all cards together that offloading moves to the host. PyTorch pins them in blocks of powers of two."""
    if not step.offload_activations:
        return sharding.in_ram(step)
    sizes = [(count, record.kept.at(step.tokens, step.squares)) for count, record, _ in records_of(step)]
    return sharding.in_ram(step) + step.cards * sum(count << (size - 1).bit_length() for count, size in sizes if size)
