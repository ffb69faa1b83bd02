"""The last norm, the head and the loss on a tape: with all logits at once, compiled, or fused as TRL has it."""

from __future__ import annotations

from functools import cache

from wizard.contract import Architecture
from wizard.fit.reading.shape import Linear
from wizard.fit.recording import ops
from wizard.fit.recording.decoder import Record, finish, norm
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.projections import linear
from wizard.fit.recording.tape import Buffer, Tape, Value

TILE_VOCAB = 32768  # columns of a tile of the fused head


@cache
def head(a: Architecture, mode: Mode, *, fused: bool, stream: int) -> Record:
    tape = Tape()
    held: list[Buffer] = []
    with tape.silent():
        boxed = [Value(tape.new(a.hidden * stream), a.hidden, stream, tape.node([], lambda box: []))]
    x = norm(tape, a, mode, boxed[0])
    boxed.clear()
    whole = Linear("lm_head", a.hidden, a.vocab)
    out = _fused(tape, mode, x, whole, held) if fused else _whole(tape, mode, x, whole, held)
    return finish(tape, out, 0)


def _whole(tape: Tape, mode: Mode, x: Value, of: Linear, held: list[Buffer]) -> Value:
    """The logits, their fp32 copy, and their log-softmax, which is kept."""
    logits = linear(tape, mode, x, of, held)
    if mode.capped:
        logits = ops.scale(tape, ops.tanh(tape, ops.scale(tape, logits)))
    if mode.compiled:
        return _compiled(tape, logits)
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


def _compiled(tape: Tape, logits: Value) -> Value:
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
        whole = [tape.new(fixed=of.size * 4, kind="gradients" if mode.weight == 4 else "loss")] if trained else []
        working = tape.new(tile=tile, kind="loss")
        found = tape.new(of.wide_in * before, kind="backward")
        if trained:  # of an fp32 head the sum over the tiles is the gradient
            held.append(whole.pop() if mode.weight == 4 else tape.new(fixed=of.size * mode.weight, kind="gradients"))
        del total, whole, working
        return [found]

    return Value(None, 0, 4, tape.node([picked], back))
