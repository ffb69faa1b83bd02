"""What several cards change: shards of what is held, what is gathered for a moment, buckets for the exchange.

ZeRO stages: Rajbhandari et al. 2020 (arXiv:1910.02054); sizes as DeepSpeed 0.19 has them with transformers' "auto"
settings (buckets of hidden x hidden numbers) and its own defaults elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

from wizard.fit.memory import held
from wizard.fit.memory.step import Step
from wizard.fit.reading.shape import block_params

MASTER = 12  # in mixed precision fp32 copies are stepped: the weight and AdamW's two states
LIVE = 1_000_000_000  # numbers that stay gathered for their next use (stage3_max_live_parameters)
GROUP = 1_000_000_000  # numbers that are stepped at a time, their gradients in fp32 (sub_group_size)


class Shares(NamedTuple):
    """Bytes on one card, and the divisor of what it keeps of each gradient: 0 where gradients go to RAM."""

    weights: int
    adapter: int
    states: int
    gradients: int = 1
    gathered: int = 0
    buckets: int = 0


def shares_of(step: Step) -> Shares:
    weights = held.weights(step)
    adapter = 0 if step.trains_all else held.trained(step) * step.adapter_bytes
    if step.cards == 1 and not step.zero:
        return Shares(weights, adapter, held.states(step))
    if not step.zero:  # DistributedDataParallel: one more copy of what is exchanged
        return Shares(weights, adapter, held.states(step), buckets=held.trained(step) * held.trained_number(step))
    cards, trained = step.cards, held.trained(step)
    states = 0 if step.offload else (trained * MASTER if step.mixed else held.states(step)) // cards
    bucket = 2 * step.architecture.hidden**2 * held.trained_number(step)
    split = 0 if step.offload and step.zero > 1 else cards if step.zero > 1 else 1
    if step.zero < 3:
        return Shares(weights, adapter, states, split, buckets=bucket)
    return Shares(
        weights=0 if step.offload else weights // cards,
        adapter=0 if step.offload else adapter // cards,
        states=states,
        gradients=split,
        gathered=_gathered(step, weights),
        buckets=bucket,
    )


def _gathered(step: Step, weights: int) -> int:
    """Weights stay whole between two uses that are near, and while they are used."""
    a = step.architecture
    used = max(block_params(a) // a.layers, held.embedding_params(step))
    return int(min(step.params, LIVE + used) * weights / step.params)


def stepped(step: Step) -> int:
    """Beside the master copies fp32 gradients of the group that is stepped; in RAM where the optimizer is there."""
    if step.offload:
        return 0
    mine = held.trained(step) // step.cards
    return min(mine, GROUP) * 4 if step.mixed else mine * held.trained_number(step) * step.foreach


def in_ram(step: Step) -> int:
    """Bytes of all cards together that offloading moves to the host: optimizer states, gradients in fp32, weights."""
    if not step.offload:
        return 0
    moved = held.trained(step) * ((MASTER if step.mixed else 0) + 4) + (0 if step.mixed else held.states(step))
    return moved + (held.weights(step) if step.zero == 3 else 0)
