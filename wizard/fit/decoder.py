"""One decoder layer, and the head with its loss, written on a tape as transformers' modelling code has them."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from wizard.contract import Architecture
from wizard.fit import ops
from wizard.fit.attention import attention, rotary
from wizard.fit.ops import Mode
from wizard.fit.projections import linear, product
from wizard.fit.shape import Linear, linears
from wizard.fit.tape import Buffer, Moment, Segment, Size, Tape, Value

TILE_VOCAB = 32768  # columns of a tile of the fused head


class Record(NamedTuple):
    """What a part of the model keeps between its forward and its backward, and its high moments in each."""

    kept: Size
    forward: tuple[Moment, ...]
    backward: tuple[Moment, ...]


@cache
def layer(a: Architecture, mode: Mode, *, checkpointing: bool, stream: int) -> Record:
    """`stream`: bytes of a number between layers. The input of the layer is held where it is a checkpoint."""
    tape = Tape()
    held: list[Buffer] = []
    with tape.silent():
        x = Value(tape.new(a.hidden * stream, kind="checkpoints"), a.hidden, stream, tape.node([], lambda box: []))
    if checkpointing:
        tape.segment = Segment(tape, lambda: block(tape, a, mode, x, held))
        out = block(tape, a, mode, x, held)
        tape.segment = None
    else:
        boxed = [x]
        del x
        out = block(tape, a, mode, boxed.pop(), held)
    out.buffer = None
    return finish(tape, out, a.hidden * stream)


@cache
def reading(a: Architecture, mode: Mode, *, stream: int) -> tuple[Moment, ...]:
    """The high moments of one layer when nothing is learnt: a prompt that is read."""
    tape = Tape()
    tape.learning = False
    with tape.silent():
        boxed = [Value(tape.new(a.hidden * stream, kind="hidden"), a.hidden, stream, None)]
    block(tape, a, mode, boxed.pop(), [])
    return tape.moments()


def finish(tape: Tape, out: Value, gradient: int) -> Record:
    kept, forward, half = tape.held(), tape.moments(), len(tape.events)
    with tape.silent():
        box = [tape.new(gradient, kind="backward")]
    assert out.node is not None
    start, out.node = [out.node], None
    tape.backward(start, box)
    return Record(kept, forward, tape.moments(half))


def block(tape: Tape, a: Architecture, mode: Mode, x: Value, held: list[Buffer]) -> Value:
    found = {each.name: each for each in linears(a)}
    normed = norm(tape, a, mode, x)
    mixed = attend(tape, a, mode, normed, found, held)
    del normed
    middle = ops.add(tape, x, mixed)
    del mixed, x
    normed = norm(tape, a, mode, middle)
    out = mlp(tape, a, mode, normed, found, held)
    del normed
    return ops.add(tape, middle, out)


def norm(tape: Tape, a: Architecture, mode: Mode, x: Value) -> Value:
    if a.norm_bias:
        return ops.layer_norm(tape, mode, x)
    return ops.rms_norm(tape, mode, x, plus_one=a.kind.startswith("gemma"))


def attend(tape: Tape, a: Architecture, mode: Mode, x: Value, found: dict[str, Linear], held: list[Buffer]) -> Value:
    q, k, v = (linear(tape, mode, x, found[name], held) for name in ("q_proj", "k_proj", "v_proj"))
    if a.qk_norm:
        q, k = ops.rms_norm(tape, mode, q), ops.rms_norm(tape, mode, k)
    table = x.number
    turned_q, turned_k = rotary(tape, mode, q, table), rotary(tape, mode, k, table)
    q, k = turned_q, turned_k
    del turned_q, turned_k
    out = attention(tape, mode, q, k, v, a.heads, a.kv_heads)
    del q, k, v
    return linear(tape, mode, out, found["o_proj"], held)


def mlp(tape: Tape, a: Architecture, mode: Mode, x: Value, found: dict[str, Linear], held: list[Buffer]) -> Value:
    if not a.gated:
        return linear(
            tape, mode, ops.unary(tape, linear(tape, mode, x, found["up_proj"], held)), found["down_proj"], held
        )
    gate = linear(tape, mode, x, found["gate_proj"], held)
    active = None if mode.compiled else ops.unary(tape, gate)
    if active is not None:
        del gate
    up = linear(tape, mode, x, found["up_proj"], held)
    inner = ops.multiply(tape, active, up) if active else ops.gated(tape, gate, up)
    del active, up
    return linear(tape, mode, inner, found["down_proj"], held)


@cache
def head(a: Architecture, mode: Mode, *, fused: bool, stream: int) -> Record:
    """The last norm, the logits, the loss."""
    tape = Tape()
    held: list[Buffer] = []
    with tape.silent():
        boxed = [Value(tape.new(a.hidden * stream), a.hidden, stream, tape.node([], lambda box: []))]
    x = norm(tape, a, mode, boxed[0])
    boxed.clear()
    whole = Linear("lm_head", a.hidden, a.vocab)
    out = _fused(tape, mode, x, whole, held) if fused else _whole(tape, a, mode, x, whole, held)
    return finish(tape, out, 0)


def _whole(tape: Tape, a: Architecture, mode: Mode, x: Value, of: Linear, held: list[Buffer]) -> Value:
    """The logits, their fp32 copy, and their log-softmax, which is kept."""
    plain = mode._replace(bits=0)
    logits = product(tape, plain, x, of, held)
    if mode.compiled:
        return _compiled_loss(tape, logits)
    full = ops.cast(tape, logits, 4)
    soft = tape.new(of.wide_out * 4, kind="loss")
    kept = tape.save(soft)
    del soft

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        one = tape.new(of.wide_out * 4, kind="loss")
        other = tape.new(of.wide_out * 4, kind="loss")
        del one
        return [other]

    return Value(None, 0, 4, tape.node([full], back))


def _compiled_loss(tape: Tape, logits: Value) -> Value:
    """The compiler makes one kernel of the cast, the log-softmax and the pick: only the logits are kept."""
    kept, wide, number = tape.save(logits.buffer), logits.wide, logits.number

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(wide * number, kind="loss")]

    return Value(None, 0, 4, tape.node([logits], back))


def _fused(tape: Tape, mode: Mode, x: Value, of: Linear, held: list[Buffer]) -> Value:
    """TRL's fused head: tile by tile, computed again in the backward, gradients summed in fp32."""
    number = mode.compute if mode.mixed else x.number
    picked = ops.scale(tape, x)
    kept = tape.save(picked.buffer)
    tile = TILE_VOCAB * (number + (12 if mode.plain_tiles else 0))
    working = tape.new(tile=tile, kind="loss")
    del working
    before, trained = picked.number, mode.trains_all

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        total = tape.new(of.wide_in * 4, kind="loss")
        weight = tape.new(fixed=of.size * 4, kind="loss") if trained else None
        working = tape.new(tile=tile, kind="loss")
        found = tape.new(of.wide_in * before, kind="backward")
        if trained:
            held.append(tape.new(fixed=of.size * mode.weight, kind="gradients"))
        del total, weight, working
        return [found]

    return Value(None, 0, 4, tape.node([picked], back))
