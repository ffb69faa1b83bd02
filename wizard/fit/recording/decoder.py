"""One decoder layer on a tape, as transformers' modelling code has it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from wizard.contract import Architecture
from wizard.fit.reading.shape import Linear
from wizard.fit.reading.tuned import BOTTLENECKS
from wizard.fit.recording import beside, habits, ops
from wizard.fit.recording.feedforward import feed
from wizard.fit.recording.mixers import Group, attend
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.tape import Buffer, Moment, Segment, Size, Tape, Value

Modules = tuple[Linear, ...]


class Record(NamedTuple):
    """What a part of the model keeps between its forward and its backward, and its high moments in each."""

    kept: Size
    forward: tuple[Moment, ...]
    backward: tuple[Moment, ...]


@cache
def layer(a: Architecture, modules: Modules, mode: Mode, *, checkpointing: bool, stream: int) -> Record:
    """`stream`: bytes of a number between layers. The input of the layer is held where it is a checkpoint; Bloom's
    layers give their scores back beside what they made, so that those of the layer before are there as well."""
    tape, group = Tape(), by_part(modules)
    held: list[Buffer] = []
    with tape.silent():
        x = Value(tape.new(a.hidden * stream, kind="checkpoints"), a.hidden, stream, tape.node([], lambda box: []))
    with tape.silent():
        before = [tape.new(square=a.heads * mode.compute)] if mode.alibi and checkpointing else []
    if checkpointing:
        tape.segment = Segment(tape, lambda: block(tape, a, mode, x, group, held))
        out = block(tape, a, mode, x, group, held)
        tape.segment = None
        before.clear()
    else:
        boxed = [x]
        del x
        out = block(tape, a, mode, boxed.pop(), group, held)
    out.buffer = None
    return finish(tape, out, a.hidden * stream)


@cache
def reading(a: Architecture, modules: Modules, mode: Mode, *, stream: int) -> tuple[Moment, ...]:
    """The high moments of one layer when nothing is learnt: a prompt that is read."""
    tape = Tape()
    tape.learning = False
    with tape.silent():
        boxed = [Value(tape.new(a.hidden * stream, kind="hidden"), a.hidden, stream, None)]
    block(tape, a, mode, boxed.pop(), by_part(modules), [])
    return tape.moments()[0]


def by_part(modules: Modules) -> Group:
    """By canonical name: a fused module under the first of its parts, what has experts apart."""
    found: Group = {}
    for each in modules:
        if each.role in ("expert", "router"):
            found[f"{each.role}:{each.name}"] = each
        elif each.parts and each.name not in ("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj"):
            found[each.parts[0]] = each
        else:
            found[each.name] = each
    return found


def finish(tape: Tape, out: Value, gradient: int) -> Record:
    half = len(tape.events)
    forward, kept = tape.moments()
    with tape.silent():
        box = [tape.new(gradient, kind="backward")]
    assert out.node is not None
    start, out.node = [out.node], None
    tape.backward(start, box)
    return Record(kept, forward, tape.moments(half, kept)[0])


def _attended(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    out = attend(tape, a, mode, x, group, held)
    return beside.bottleneck(tape, mode, out) if mode.tuner == "houlsby" else out


def _fed(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    out = feed(tape, a, mode, x, group, held)
    return beside.bottleneck(tape, mode, out) if mode.tuner in BOTTLENECKS else out


def block(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    if a.kind in habits.PARALLEL:
        return _parallel(tape, a, mode, x, group, held)
    if a.kind in habits.POST_NORM:
        middle = ops.add(tape, x, norm(tape, a, mode, _attended(tape, a, mode, x, group, held)))
        del x
        return ops.add(tape, middle, norm(tape, a, mode, _fed(tape, a, mode, middle, group, held)))
    mixed = _after(tape, a, mode, _attended(tape, a, mode, norm(tape, a, mode, x), group, held))
    middle = ops.add(tape, x, mixed)
    del mixed, x
    out = _after(tape, a, mode, _fed(tape, a, mode, norm(tape, a, mode, middle), group, held))
    return ops.add(tape, middle, out)


def _after(tape: Tape, a: Architecture, mode: Mode, x: Value) -> Value:
    """Between attention or the MLP and the sum."""
    if a.norms == 4:
        return norm(tape, a, mode, x)
    return ops.dropped(tape, x) if a.kind in habits.DROPOUT else x


def _parallel(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    normed = norm(tape, a, mode, x)
    mixed = _attended(tape, a, mode, normed, group, held)
    if a.norms > 1:
        normed = norm(tape, a, mode, x)
    boxed = [normed]
    del normed
    out = _fed(tape, a, mode, boxed.pop(), group, held)
    both = ops.add(tape, mixed, out)
    del mixed, out
    return ops.add(tape, both, x)


def norm(tape: Tape, a: Architecture, mode: Mode, x: Value) -> Value:
    if a.norm_bias or a.kind in habits.ONE_KERNEL_NORM:
        return ops.layer_norm(tape, mode, x)
    return ops.rms_norm(tape, mode, x, plus_one=a.kind.startswith(habits.PLUS_ONE))
