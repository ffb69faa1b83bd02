"""What a step holds from its first moment to its last: weights, adapter, optimizer states, gradients."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from wizard.contract import Architecture
from wizard.fit.memory import optimizers
from wizard.fit.memory.step import BLOCKS, SCORED, Step
from wizard.fit.reading import tuned
from wizard.fit.reading.shape import block_params, layer_groups, linears, quantisable_params

NUMBER = {"bf16": 2, "fp16": 2, "fp32": 4}
# Bytes a quantised weight takes, with its scales (one fp32 per 64; double quantisation: one byte per 64, fp32 per 256).
PACKED = {
    "nf4": 0.5 + 4 / 64,
    "nf4-dq": 0.5 + 1 / 64 + 4 / (64 * 256),
    "int4": 0.5 + (2 + 0.5) / 128,
    "gptq": 0.5 + (2 + 0.5) / 128,
    "hqq": 0.5 + (2 + 2) / 64,  # 4 bits, with a scale and a zero in 16 bits for each 64
    "int8": 1 + 4 / 4096,
    "fp8": 1.0,
}
GALORE_RANK = 1 / 4  # of the model's width, as in its paper from 60M to 7B (arXiv:2403.03507)
APOLLO_RANK = 256  # as its paper trains 7B (arXiv:2412.05270)
PROJECTED = ("galore_adamw", "apollo_adamw")
LISA_LAYERS = 2  # that learn at a time, drawn anew now and then (arXiv:2403.17919)


def number_of(step: Step) -> int:
    """Bytes of a number of the base that is not quantised."""
    return 2 if halved(step) else NUMBER.get(step.base, 2)


def halved(step: Step) -> bool:
    """DeepSpeed makes every weight it is given, adapters too, the 16-bit number that it computes with."""
    return step.mixed and step.zero > 0


def adapter_number(step: Step) -> int:
    return 2 if halved(step) else step.adapter_bytes


def quantised(step: Step) -> bool:
    return step.base in PACKED


def bits(step: Step) -> int:
    """Of the base as its products take it; AWQ and FP8 weights are built whole for a moment as those in 4 are, GPTQ's
    are kept so until the backward."""
    return 0 if step.base not in PACKED else 8 if step.base == "int8" else 4


def few_in_32(step: Step) -> bool:
    """Of weights in 16 bits those that learn are held in 32, since AdamW's steps are lost in 16 (decision 27)."""
    return step.tuner in BLOCKS and step.mixed and step.base == "bf16" and not halved(step)


def weights(step: Step) -> int:
    if not quantised(step):
        return step.params * number_of(step) + (2 * trained(step) if few_in_32(step) else 0)
    packed = quantisable_params(step.architecture)
    rest = step.params - packed
    return int(packed * PACKED[step.base]) + rest * (4 if step.kbit_prepare and not halved(step) else 2)


def trained(step: Step) -> int:
    a = step.architecture
    if not step.trains_all:
        targets = tuple(sorted(step.targets))
        return tuned.added(learnt_of(step), targets, step.tuner, step.rank, dora=step.dora) + of_head(step)
    if step.tuner in BLOCKS:
        return learning(step) * (block_params(a) // a.layers)
    unseen = a.tower.params if a.tower and step.blind else 0
    return step.params - unseen - (a.layers - learning(step)) * (block_params(a) // a.layers)


def in_float8(step: Step) -> int:
    """Numbers of the weights that are cast to 8 bits for their products."""
    if not step.float8:
        return 0
    each = [(count, linear) for count, group in layer_groups(step.architecture) for linear in group]
    return sum(count * linear.size * linear.copies for count, linear in each if linear.in_float8)


def learnt_of(step: Step) -> Architecture:
    """Without a tower that learns nothing."""
    return _alone(step.architecture) if step.blind and step.architecture.tower else step.architecture


@cache
def _alone(a: Architecture) -> Architecture:
    return replace(a, tower=None)


def of_head(step: Step) -> int:
    """What scores a text is new, and learns beside any adapter (PEFT's modules_to_save): one row of the width."""
    return step.architecture.hidden if step.task in SCORED and step.task != "embedding" else 0


def frozen(step: Step) -> int:
    """Bytes of what a tuner holds beside the base and never trains, in fp32."""
    if step.trains_all:
        return 0
    return 4 * tuned.frozen(learnt_of(step), tuple(sorted(step.targets)), step.tuner, step.rank)


def learning(step: Step) -> int:
    """Layers with a gradient of their own; with LISA the others only hand theirs on."""
    layers = step.architecture.layers
    few = LISA_LAYERS if step.optimizer == "lisa" else layers
    return min(step.awake or few, layers)


def ends_learn(step: Step) -> bool:
    """Embedding, head and last norm."""
    return step.trains_all and step.tuner not in BLOCKS


def asleep(step: Step) -> int:
    """Layers below the first that learns: nothing reaches them. Of LLaMA-Pro's, a new one ends each part alike."""
    layers = step.architecture.layers
    if step.tuner == "freeze":
        return layers - learning(step)
    return layers // learning(step) - 1 if step.tuner == "llama-pro" else 0


def largest_trained(step: Step) -> int:
    """Numbers in the largest weight that is trained."""
    each = linears(step.architecture)
    if step.trains_all:
        inside = [linear.size * linear.copies for _, group in layer_groups(step.architecture) for linear in group]
        return max(embedding_params(step) if ends_learn(step) else 0, *inside)
    return step.rank * max(max(linear.wide_in, linear.wide_out) for linear in each)


def trained_number(step: Step) -> int:
    if few_in_32(step):
        return NUMBER["fp32"]
    return number_of(step) if step.trains_all else adapter_number(step)


def states(step: Step) -> int:
    number, name = trained_number(step), step.optimizer
    if name == "adafactor":
        return _factored(step)
    if name in PROJECTED:
        return _projected(step) * number
    return int(trained(step) * optimizers.of_number(name, number))


def _factored(step: Step) -> int:
    """One row and one column of fp32 for each matrix."""
    a = step.architecture
    if not step.trains_all:
        return sum(4 * (step.rank * 2 + each.wide_in + each.wide_out) for each in linears(a)) * a.layers
    return 4 * (a.layers * sum(each.wide_in + each.wide_out for each in linears(a)) + 2 * (a.vocab + a.hidden))


def _projected(step: Step) -> int:
    """Numbers that GaLore and APOLLO keep: of each linear layer's gradient the projection and two states of what it
    leaves of the longer side; of everything else two states."""
    kept, apart = 0, step.params
    for count, group in layer_groups(step.architecture):
        for each in group:
            if each.is_module:
                narrow, wide = sorted((each.wide_in, each.wide_out))
                kept += count * each.copies * min(projection(step), narrow) * (narrow + 2 * wide)
                apart -= count * each.copies * each.size
    return kept + 2 * apart


def projection(step: Step) -> int:
    """The rank of what a gradient is projected to."""
    usual = int(step.architecture.hidden * GALORE_RANK) if step.optimizer == "galore_adamw" else APOLLO_RANK
    return step.projected or usual


def embedding_params(step: Step) -> int:
    return step.architecture.vocab * step.architecture.hidden
