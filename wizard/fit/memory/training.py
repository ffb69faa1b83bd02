"""A whole step of training: its layers, its head and what is held throughout, put together moment by moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from wizard.contract import Architecture
from wizard.fit.memory import held
from wizard.fit.memory.cache import cached
from wizard.fit.memory.layers import Alike, kept_by, mode_of, records_of, stream_of
from wizard.fit.memory.moments import Instant, add, instant
from wizard.fit.memory.moments import instants as together
from wizard.fit.memory.offloading import ENDING, RETURNED, STASHED, inputs_of
from wizard.fit.memory.pictures import Pictures, pictures
from wizard.fit.memory.sharding import Shares, shares_of, stepped
from wizard.fit.memory.step import GENERATING, REFERRED, SCORED, Step
from wizard.fit.reading.shape import layer_groups
from wizard.fit.recording import habits
from wizard.fit.recording.decoder import Record
from wizard.fit.recording.head import head
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.tape import Moment, Size


def instants(step: Step) -> Iterator[Instant]:
    mode, stream = mode_of(step), stream_of(step)
    yield from _put_together(step, records_of(step), top(step, mode, stream), pictures(step, mode, stream))


def top(step: Step, mode: Mode, stream: int) -> Record:
    """What scores a text, or makes a vector of it, reads one token of each: next to nothing beside a head of words."""
    a = ends(step.architecture)
    if step.task in SCORED:
        return head(replace(a, vocab=1), top_of(step, mode, stream), fused=False, stream=stream)
    return head(a, top_of(step, mode, stream), fused=step.fused_loss, stream=stream)


def top_of(step: Step, mode: Mode, stream: int) -> Mode:
    """Of the head, which is never quantised; an adapter is nothing to it where it has none."""
    top = mode._replace(bits=0, float8=False, weight=stream, eager=False, targets=frozenset(step.targets & {"lm_head"}))
    learns = held.ends_learn(step) or top.targets
    return top if learns else top._replace(adapter=2, tuner="", rank=0, dora=False, dropout=False)


@cache
def ends(a: Architecture) -> Architecture:
    """Nor does it matter to the head what the layers are."""
    return Architecture(
        kind=habits.like(a.kind), hidden=a.hidden, vocab=a.vocab, norm_bias=a.norm_bias, tied=False,
        layers=1, heads=1, kv_heads=1, head_dim=1, intermediate=1,
    )  # fmt: skip


def _put_together(step: Step, records: Sequence[Alike], last: Record, seen: Pictures) -> Iterator[Instant]:
    shares, kept = shares_of(step), kept_by(records)
    of_layer, of_head, of_embedding = gradients_of(step, shares)
    every = of_head + held.learning(step) * of_layer + of_embedding
    first = every if step.accumulates else 0
    always, kind = _always(step, shares), "checkpoints" if step.checkpointing else "activations"
    elsewhere = step.offload_activations

    def beside(record: Record, waiting: int) -> Size:
        """What other layers have on the card; `waiting`: of inputs, where they are offloaded."""
        return inputs_of(step, records, waiting) if elsewhere else kept.plus(record.kept, -1)

    def at(
        name: str,
        moments: Sequence[Moment | None],
        kept: Size,
        gradients: int = 0,
        casts: int = 0,
        seen: int = seen.kept,
        **more: Size,
    ) -> Iterator[Instant]:
        around = {**always, **more}
        add(around, kind, kept)
        add(around, "gradients", Size(fixed=gradients))
        add(around, "casts", Size(fixed=casts))
        add(around, "pictures", Size(fixed=seen))
        yield from together(name, around, moments)

    if step.task in GENERATING:
        yield instant("generate", {**always, "cache": generated(step)})
    if seen.forward:
        yield instant("picture", {**always, "pictures": Size(fixed=seen.forward)})
    casts = _casts(step)
    ending = inputs_of(step, records, ENDING) if elsewhere else kept
    yield from at("loss", last.forward, ending, first, casts)
    yield from at("loss", last.backward, ending, first)
    for _, record, rests in records:
        yield from at("forward", record.forward, beside(record, STASHED - 1), first, casts)
        yield from at("layer", record.backward, beside(record, RETURNED - 1), first or of_head)
        yield from at("layer", record.backward, Size(), every - of_embedding - (0 if rests else of_layer))
    yield from at("backward", [None], Size(), every, hidden=_embedding_backward(step))
    if seen.backward:
        ends = {"gradients": Size(fixed=every), "pictures": Size(fixed=seen.backward)}
        yield instant("picture", {**always, **ends})
    left = every // step.cards if step.zero == 1 else every  # what other cards step is freed before
    yield from at("step", [None], Size(), left, seen=0, copies=_stepping(step))


def _always(step: Step, shares: Shares) -> dict[str, Size]:
    found: dict[str, Size] = {}
    found["weights"] = Size(fixed=shares.weights)
    add(found, "adapter", Size(fixed=shares.adapter))
    if step.trains_all and step.task in REFERRED:
        add(found, "reference", Size(fixed=shares.weights))
    add(found, "teacher", Size(fixed=step.teacher_params * 2))
    add(found, "optimizer", Size(fixed=shares.states))
    add(found, "gathered", Size(fixed=shares.gathered))
    add(found, "buckets", Size(fixed=shares.buckets))
    add(found, "colocated", Size(fixed=step.colocated_bytes))
    return found


def generated(step: Step) -> Size:
    """The key-value cache of the answers that are generated together."""
    return Size(token=sum(each for each, _ in cached(step.architecture)) * step.rounds)


def gradients_of(step: Step, shares: Shares) -> tuple[int, int, int]:
    """Bytes for one layer, the head, the embedding."""
    if step.in_backward or not shares.gradients:
        return 0, 0, 0
    a, split = step.architecture, shares.gradients
    if not step.trains_all:
        each = held.trained(step) // a.layers
        return each * held.adapter_number(step) // split, 0, 0
    number, embedding = held.trained_number(step), held.embedding_params(step)
    if not held.ends_learn(step):
        return held.trained(step) // held.learning(step) * number // split, 0, 0
    if step.task in SCORED:
        blocks = held.trained(step) - embedding
        return blocks // held.learning(step) * number // split, 0, embedding * number // split
    blocks = held.trained(step) - embedding * (1 if a.tied else 2)
    whole = blocks // held.learning(step) * number // split
    return whole, embedding * number // split, 0 if a.tied else embedding * number // split


def _casts(step: Step) -> int:
    """fp32 weights under autocast: 16-bit copies of what is trained stay until the forward ends; of what computes in 8
    bits there are none."""
    kept = step.trains_all and step.mixed and held.trained_number(step) == 4 and step.checkpointing
    ends = held.embedding_params(step) if held.ends_learn(step) else 0
    return (held.trained(step) - ends - held.in_float8(step)) * 2 if kept else 0


def _embedding_backward(step: Step) -> Size:
    """The gradient of the embedding is made whole. Where both ends are one weight it is added to the head's: in place
    if that is a tensor of its own, but the head's unfused product leaves a view, and a third one takes the sum."""
    a, whole = step.architecture, held.embedding_params(step) * held.number_of(step)
    more = 0
    if held.asleep(step):
        return Size()
    if step.task in SCORED and step.trains_all:
        more = int(step.in_backward)
    elif held.ends_learn(step):
        viewed = a.tied and not step.fused_loss and not (step.mixed and held.number_of(step) == 4)
        more = (1 if a.tied or step.in_backward else 0) + viewed
    return Size(token=a.hidden * held.number_of(step), fixed=more * whole)


def _stepping(step: Step) -> Size:
    """torch's multi-tensor AdamW holds one more copy of what it steps, Adafactor four fp32 copies of one weight."""
    if step.zero:
        return Size(fixed=stepped(step))
    if step.optimizer == "adafactor":
        return Size(fixed=held.largest_trained(step) * (16 if held.trained_number(step) == 2 else 8))
    if step.optimizer == "galore_adamw":
        return Size(fixed=_decomposing(step))
    if step.optimizer == "apollo_adamw":  # the gradient scaled, limited, and scaled again
        return Size(fixed=3 * held.largest_trained(step) * held.trained_number(step))
    copied = step.foreach and not step.in_backward
    return Size(fixed=held.trained(step) * held.trained_number(step) if copied else 0)


def _decomposing(step: Step) -> int:
    """GaLore's new projection of the largest weight, in fp32: a copy of its gradient and the two factors that are
    found; or AdamW's two temporaries of the embedding."""
    number = held.number_of(step)
    found = 2 * held.embedding_params(step) * number
    for _, group in layer_groups(step.architecture):
        for each in group:
            narrow, wide = sorted((each.wide_in, each.wide_out))
            copied = 0 if number == 4 else narrow * wide
            found = max(found, 4 * (copied + narrow * wide + narrow * narrow) if each.is_module else 0)
    return found
