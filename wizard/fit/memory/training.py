"""A whole step of training: its layers, its head and what is held throughout, put together moment by moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from wizard.contract import Architecture
from wizard.fit.memory import held
from wizard.fit.memory.cache import cached
from wizard.fit.memory.moments import Instant, add, instant
from wizard.fit.memory.moments import instants as together
from wizard.fit.memory.pictures import Pictures, pictures
from wizard.fit.memory.sharding import Shares, shares_of, stepped
from wizard.fit.memory.step import BLOCKS, GENERATING, REFERRED, SCORED, Step
from wizard.fit.reading import tuned
from wizard.fit.reading.shape import adapted, layer_groups
from wizard.fit.recording import habits
from wizard.fit.recording.decoder import Modules, Record, layer
from wizard.fit.recording.head import head
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.tape import Moment, Size

Group = tuple[int, Modules, Mode]  # how many layers are alike, what is in them, how they compute


class Alike(NamedTuple):
    times: int
    record: Record
    rests: bool  # nothing in it is trained, though the whole model is


def mode_of(step: Step) -> Mode:
    """Of every layer: what an adapter stands beside, and whether a window is shorter, each layer knows itself."""
    a, number = step.architecture, held.number_of(step)
    return Mode(
        weight=held.trained_number(step) if step.tuner in BLOCKS else number,  # the layers that learn hold most
        compute=2 if step.mixed or number == 2 else 4,
        mixed=step.mixed and not held.halved(step),  # DeepSpeed computes without autocast
        adapter=0 if step.trains_all else held.adapter_number(step),
        tuner=step.tuner if step.tuner not in BLOCKS else "",
        rank=step.rank,
        bits=held.bits(step),
        unpacked=step.base == "gptq",
        compiled=step.compiled,
        float8=step.float8,
        dora=step.dora,
        dropout=step.lora_dropout > 0,
        eager=step.attention == "eager" or (step.attention != "flash" and a.kind in habits.EAGER),
        capped=a.kind in habits.CAPPED_LOGITS,
        alibi=a.kind == "bloom",
        sinks=a.kind == "gpt_oss",
        norm=4 if step.kbit_prepare and not held.halved(step) else number,
        plain_tiles=step.cpu,
    )


def instants(step: Step) -> Iterator[Instant]:
    a, mode = step.architecture, mode_of(step)
    stream = stream_of(step)
    records = []
    for count, modules, each in learning(step, list(layers_of(step, mode))):
        record = layer(plain(a), modules, each, checkpointing=step.checkpointing, stream=stream)
        records.append(Alike(count, record, step.trains_all and not each.trains_all))
    last = top(step, mode, stream)
    yield from _put_together(step, records, last, pictures(step, mode, stream))


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


def stream_of(step: Step) -> int:
    """Bytes of a number between layers."""
    if held.halved(step):
        return 2
    widened = step.mixed and step.architecture.kind in habits.NORMED_EMBEDDING
    return 4 if step.kbit_prepare or widened else held.number_of(step)


@cache
def plain(a: Architecture) -> Architecture:
    """Models whose layers are of one shape share their recordings, whatever they are called and how many they are."""
    named = replace(a, family="", kind=habits.like(a.kind), tied=False, bias=(), tower=None)
    return replace(
        named, layers=1, vocab=0, window=0, window_layers=0, dense_layers=0, other_params=0, learned_positions=0
    )


@cache
def ends(a: Architecture) -> Architecture:
    """Nor does it matter to the head what the layers are."""
    return Architecture(
        kind=habits.like(a.kind), hidden=a.hidden, vocab=a.vocab, norm_bias=a.norm_bias, tied=False,
        layers=1, heads=1, kv_heads=1, head_dim=1, intermediate=1,
    )  # fmt: skip


def windowed(step: Step) -> bool:
    """FlashAttention has windows of its own; other kernels are given a mask."""
    a = step.architecture
    return bool(a.window_layers) and step.seq_len >= a.window and step.attention != "flash"


def layers_of(step: Step, mode: Mode) -> Iterator[Group]:
    a, targets = step.architecture, tuned.scaled(step.tuner, tuple(sorted(step.targets)))
    for count, modules in layer_groups(a):
        own = mode if step.trains_all else mode._replace(targets=adapted(a, modules, targets))
        near = round(count * a.window_layers / a.layers) if windowed(step) else 0
        for each, masked in ((near, True), (count - near, False)):
            if each:
                yield each, modules, own._replace(windowed=masked)


def learning(step: Step, groups: list[Group]) -> Iterator[Group]:
    """Where a few layers learn they are of the most frequent kind; through others gradients pass, or nothing does: then
    nothing of them is kept, but for their input where it is a checkpoint."""
    few, below = held.learning(step), 0 if step.checkpointing else held.asleep(step)
    most = max(groups, key=lambda group: group[0]) if few < step.architecture.layers else None
    for group in groups:
        count, modules, mode = group
        if most is None:
            yield group
            continue
        awake = min(few, count) if group is most else 0
        passing = count - awake - min(below, count - awake)
        below -= count - awake - passing
        for each, own in ((awake, mode), (passing, mode._replace(adapter=2))):
            if each:
                yield each, modules, own


def _put_together(step: Step, records: Sequence[Alike], last: Record, seen: Pictures) -> Iterator[Instant]:
    shares, kept = shares_of(step), Size()
    of_layer, of_head, of_embedding = gradients_of(step, shares)
    every = of_head + held.learning(step) * of_layer + of_embedding
    first = every if step.accumulates else 0
    always, kind = _always(step, shares), "checkpoints" if step.checkpointing else "activations"
    for count, record, _ in records:
        kept = kept.plus(record.kept, count)

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
    yield from at("loss", last.forward, kept, first, casts)
    yield from at("loss", last.backward, kept, first)
    for _, record, rests in records:
        others = kept.plus(record.kept, -1)
        yield from at("forward", record.forward, others, first, casts)
        yield from at("layer", record.backward, others, first or of_head)
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
