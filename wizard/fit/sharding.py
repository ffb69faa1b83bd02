"""What several cards change: shards of what is held, what is gathered for a moment, buckets for the exchange.

ZeRO stages: Rajbhandari et al. 2020 (arXiv:1910.02054); sizes as transformers' DeepSpeed "auto" settings
and FSDP2 have them.
"""

from __future__ import annotations

from typing import NamedTuple

from wizard.fit import held
from wizard.fit.shape import block_params
from wizard.fit.step import Step

MASTER = 12  # DeepSpeed steps fp32 copies: the weight and AdamW's two states


class Shares(NamedTuple):
    """Divisors of what one card holds, and the bytes it needs for the others' parts."""

    weights: int = 1
    gradients: int = 1
    optimizer: int = 1
    gathered: int = 0
    buckets: int = 0
    states: int = 0  # bytes of the optimizer on this card


def shares_of(step: Step) -> Shares:
    states = held.states(step)
    if step.cards == 1:
        return Shares(states=states)
    cards = step.cards
    sharded = step.trains_all and step.mixed and held.number_of(step) == 2
    whole = held.trained(step) * MASTER if sharded and step.zero else states
    here = 0 if step.offload else whole // cards if step.zero else states
    if step.zero == 0:
        return Shares(states=states, buckets=held.trained(step) * held.trained_number(step))
    if step.zero < 3:
        bucket = 2 * step.architecture.hidden**2 * held.trained_number(step)
        return Shares(gradients=cards if step.zero == 2 else 1, states=here, buckets=bucket)
    a, number = step.architecture, held.number_of(step)
    layer = block_params(a) // a.layers
    size = held.weights(step) / step.params if held.quantised(step) else number
    ends = 2 * held.embedding_params(step) * number
    gathered = max(int(2 * layer * size), ends // 2)
    full = layer * number if step.trains_all else 0
    return Shares(weights=cards, gradients=cards, states=here, gathered=gathered + full)
