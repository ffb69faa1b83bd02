"""What several cards change: shards of what is held, what is gathered for a moment, buckets for the exchange.

ZeRO stages: Rajbhandari et al. 2020 (arXiv:1910.02054); sizes as DeepSpeed 0.19 has them with transformers' "auto"
settings (buckets of hidden x hidden numbers) and its own defaults elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

from wizard.fit.memory import held, optimizers
from wizard.fit.memory.step import Step
from wizard.fit.reading.shape import block_params

MASTER = 4  # in mixed precision an fp32 copy of each weight is stepped, with states as of an fp32 number
OFFLOADED = {"lion": 4}  # states of DeepSpeed's own Lion; any other optimizer is replaced by its Adam, which has two
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
    adapter = 0 if step.trains_all else held.trained(step) * held.adapter_number(step) + held.frozen(step)
    if step.cards == 1 and not step.zero:
        return Shares(weights, adapter, held.states(step))
    if not step.zero:  # DistributedDataParallel: one more copy of what is exchanged
        return Shares(weights, adapter, held.states(step), buckets=held.trained(step) * held.trained_number(step))
    cards, trained = step.cards, held.trained(step)
    states = 0 if step.offload else int(trained * stepped_bytes(step)) // cards
    bucket = 2 * step.architecture.hidden**2 * held.trained_number(step)
    split = 0 if step.offload and step.zero > 1 else cards if step.zero > 1 else 1
    if step.zero < 3:
        return Shares(weights, adapter, states, split, buckets=bucket)
    moved = step.offload and not step.weights_stay
    return Shares(
        weights=0 if moved else weights // cards,
        adapter=0 if moved else adapter // cards,
        states=states,
        gradients=split,
        gathered=_gathered(step, weights),
        buckets=bucket,
    )


def stepped_bytes(step: Step) -> float:
    """Of each trained number: the copy that is stepped, where there is one, and the optimizer's states of it."""
    number = held.trained_number(step)
    if step.mixed:
        return MASTER + optimizers.of_part(step.optimizer, 4)
    return optimizers.of_part(step.optimizer, number)


def _gathered(step: Step, weights: int) -> int:
    """Weights stay whole between two uses that are near, and while they are used. FSDP2 (torch's `fully_shard`) gathers
    the next layer while it computes one, and gives both back."""
    a = step.architecture
    layer = block_params(a) // a.layers
    used = max(layer, held.embedding_params(step))
    if step.fsdp:
        return int(min(step.params, used + layer) * weights / step.params)
    return int(min(step.params, LIVE + used) * weights / step.params)


def stepped(step: Step) -> int:
    """fp32 gradients of what is stepped at a time, and a copy of it where the optimizer makes one; in RAM where the
    optimizer is there. Stages 1 and 2 step a card's whole part at once."""
    if step.offload:
        return 0
    mine = held.trained(step) // step.cards
    if not step.mixed:  # as FSDP has it too: shards are stepped as they are
        return mine * held.trained_number(step) * step.foreach
    return (min(mine, GROUP) if step.zero == 3 else mine) * 4 * (1 + step.foreach)


def in_ram(step: Step) -> int:
    """Bytes of all cards together that offloading moves to the host: optimizer states, gradients in fp32, weights."""
    if not step.offload:
        return 0
    moved = held.trained(step) * (MASTER + OFFLOADED.get(step.optimizer, 8) + 4)
    return moved + (held.weights(step) if step.zero == 3 and not step.weights_stay else 0)
