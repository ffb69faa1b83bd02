"""The tensor operations of a decoder as a tape sees them: what each allocates, keeps for its backward, and gives back.

Seen under the real modelling code of transformers and PEFT; see docs/decisions for how they are checked against it.
"""

from __future__ import annotations

from typing import NamedTuple

from wizard.fit.tape import Buffer, Tape, Value


class Mode(NamedTuple):
    """Numbers are bytes each: 2 for bf16 and fp16, 4 for fp32."""

    weight: int = 2  # of the base, as it is held and as its norms compute
    compute: int = 2  # of a matrix product
    mixed: bool = False  # autocast: products in `compute`, whatever comes in
    adapter: int = 0  # 0: no adapter, the weights themselves are trained
    rank: int = 0
    targets: frozenset[str] = frozenset()
    bits: int = 0  # of a quantised base: 4 or 8
    dora: bool = False
    eager: bool = False  # attention that writes its whole matrix
    norm: int = 2  # of the norms' weights
    compiled: bool = False  # pointwise operations are one kernel with what follows, and computed again in the backward
    plain_tiles: bool = False  # the fused head's tiles are folded in torch, in fp32, where there is no Triton

    @property
    def trains_all(self) -> bool:
        return self.adapter == 0


def cast(tape: Tape, x: Value, number: int) -> Value:
    if x.number == number:
        return x
    wide, before = x.wide, x.number
    made = tape.new(wide * number)
    return Value(made, wide, number, tape.node([x], lambda box: [tape.new(wide * before, kind="backward")]))


def unary(tape: Tape, x: Value) -> Value:
    """Keeps its input; gives one gradient: an activation function."""
    kept = tape.save(x.buffer)
    wide, number = x.wide, x.number
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(wide * number, kind="backward")]

    return Value(made, wide, number, tape.node([x], back))


def scale(tape: Tape, x: Value) -> Value:
    wide, number = x.wide, x.number
    made = tape.new(wide * number)
    return Value(made, wide, number, tape.node([x], lambda box: [tape.new(wide * number, kind="backward")]))


def tanh(tape: Tape, x: Value) -> Value:
    """Keeps what it gives."""
    wide, number = x.wide, x.number
    made = tape.new(wide * number)
    kept = tape.save(made)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(wide * number, kind="backward")]

    return Value(made, wide, number, tape.node([x], back))


def add(tape: Tape, x: Value, y: Value) -> Value:
    number, wide = max(x.number, y.number), x.wide
    mine, other = x.number, y.number
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        first = box[0] if mine == number else tape.new(wide * mine, kind="backward")
        second = box[0] if other == number else tape.new(wide * other, kind="backward")
        return [first, second]

    return Value(made, wide, number, tape.node([x, y], back))


def multiply(tape: Tape, x: Value, y: Value) -> Value:
    kept_x, kept_y = tape.save(x.buffer), tape.save(y.buffer)
    number, wide = max(x.number, y.number), x.wide
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept_x.take()
        kept_y.take()
        return [tape.new(wide * number, kind="backward"), tape.new(wide * number, kind="backward")]

    return Value(made, wide, number, tape.node([x, y], back))


def rms_norm(tape: Tape, mode: Mode, x: Value, *, plus_one: bool = False) -> Value:
    """As Llama's: in fp32, cast back, times the weight; Gemma's (`plus_one`) multiplies before it casts back."""
    if mode.compiled:
        return one_kernel_norm(tape, x, max(x.number, mode.norm))
    full = cast(tape, x, 4)
    square = tape.new(x.wide * 4)
    del square
    even = _normalised(tape, full)
    del full
    if plus_one:
        return cast(tape, _weighted(tape, mode, even, 4), x.number)
    back = cast(tape, even, x.number)
    del even
    return _weighted(tape, mode, back, mode.norm)


def _normalised(tape: Tape, full: Value) -> Value:
    kept = tape.save(full.buffer)
    wide = full.wide * 4
    made = tape.new(wide)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        straight = tape.new(wide, kind="backward")
        product = tape.new(wide, kind="backward")
        del product
        box.clear()
        powers = [tape.new(wide, kind="backward") for _ in range(3)]
        del powers
        return [straight]

    return Value(made, full.wide, 4, tape.node([full], back))


def _weighted(tape: Tape, mode: Mode, x: Value, weight: int) -> Value:
    kept = tape.save(x.buffer) if mode.trains_all else None
    number, wide, before = max(weight, x.number), x.wide, x.number
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        if kept is not None:
            kept.take()
        found = tape.new(wide * number, kind="backward")
        if kept is not None:
            product = tape.new(wide * number, kind="backward")
            del product
        if before != number:
            found = tape.new(wide * before, kind="backward")
        return [found]

    return Value(made, wide, number, tape.node([x], back))


def layer_norm(tape: Tape, mode: Mode, x: Value) -> Value:
    """One kernel; autocast runs it in fp32."""
    x = cast(tape, x, 4) if mode.mixed and not mode.compiled else x
    return one_kernel_norm(tape, x, x.number)


def one_kernel_norm(tape: Tape, x: Value, number: int) -> Value:
    kept, wide, before = tape.save(x.buffer), x.wide, x.number
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(wide * before, kind="backward")]

    return Value(made, wide, number, tape.node([x], back))


def gated(tape: Tape, gate: Value, up: Value) -> Value:
    """activation(gate) * up in one kernel."""
    kept_gate, kept_up = tape.save(gate.buffer), tape.save(up.buffer)
    number, wide = up.number, up.wide
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept_gate.take()
        kept_up.take()
        return [tape.new(wide * number, kind="backward") for _ in range(2)]

    return Value(made, wide, number, tape.node([gate, up], back))
