"""The tensor operations of a decoder as a tape sees them: what each allocates, keeps for its backward, and gives back.

Seen under the real modelling code of transformers and PEFT; see docs/decisions for how they are checked against it.
"""

from __future__ import annotations

from typing import NamedTuple

from wizard.fit.recording.tape import Buffer, Tape, Value


class Mode(NamedTuple):
    """Numbers are bytes each: 2 for bf16 and fp16, 4 for fp32."""

    weight: int = 2  # of the base, as it is held and as its norms compute
    compute: int = 2  # of a matrix product
    mixed: bool = False  # autocast: products in `compute`, whatever comes in
    adapter: int = 0  # 0: no adapter, the weights themselves are trained
    tuner: str = ""  # what stands beside a layer, where it is not LoRA
    rank: int = 0  # or a block's width
    targets: frozenset[str] = frozenset()
    bits: int = 0  # of a quantised base: 4 or 8
    unpacked: bool = False  # the weight that is built is an operand that autograd keeps (GPTQModel 7.7)
    dora: bool = False
    dropout: bool = False  # of what goes into an adapter
    eager: bool = False  # attention that writes its whole matrix
    capped: bool = False  # scores and logits, by a tanh
    alibi: bool = False  # eager attention as Bloom writes it
    sinks: bool = False  # eager attention as gpt-oss writes it
    windowed: bool = False  # the sequence is longer than this layer sees: its mask is written out
    norm: int = 2  # of the norms' weights
    compiled: bool = False  # pointwise operations are one kernel with what follows, and computed again in the backward
    float8: bool = False  # products of layers, by torchao
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


def scale(tape: Tape, x: Value, wide: int = 0) -> Value:
    """Keeps nothing: times a constant, a copy, a sum to fewer columns or a repetition to more where `wide` says so."""
    before, number = x.wide, x.number
    wide = wide or before
    made = tape.new(wide * number)
    return Value(made, wide, number, tape.node([x], lambda box: [tape.new(before * number, kind="backward")]))


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
    even = normalised(tape, full)
    del full
    if plus_one:
        return cast(tape, _weighted(tape, mode, even, 4), x.number)
    back = cast(tape, even, x.number)
    del even
    return _weighted(tape, mode, back, mode.norm)


def normalised(tape: Tape, full: Value) -> Value:
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


def joined(tape: Tape, part: Value, x: Value) -> Value:
    """A part that was made anew before the rest of x."""
    wide, number = x.wide, part.number
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        return [box[0], tape.new(wide * number, kind="backward")]

    return Value(made, wide, number, tape.node([part, x], back))


def sliced(tape: Tape, x: Value, wide: int) -> Value:
    """A view of some columns: its gradient is as wide as the whole."""
    whole, number = x.wide, x.number
    return Value(x.buffer, wide, number, tape.node([x], lambda box: [tape.new(whole * number, kind="backward")]))


def split(tape: Tape, x: Value, wides: list[int]) -> list[Value]:
    """Views of all columns: their gradients are joined when the last of them is there."""
    whole, number = x.wide, x.number
    joint = tape.node([x], lambda box: [tape.new(whole * number, kind="backward")])
    if joint is not None:
        joint.gathers = True
    return [Value(x.buffer, wide, number, joint) for wide in wides]


def dropped(tape: Tape, x: Value) -> Value:
    """Dropout: keeps which numbers it let through."""
    wide, number = x.wide, x.number
    made, mask = tape.new(wide * number), tape.new(wide)
    kept = tape.save(mask)
    del mask

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(wide * number, kind="backward")]

    return Value(made, wide, number, tape.node([x], back))


def gelu_new(tape: Tape, mode: Mode, x: Value) -> Value:
    """0.5 * x * (1 + tanh(c * (x + d * x^3))), in Python; autocast takes the cube in fp32, and all that follows."""
    wide, before = x.wide, x.number
    number = 4 if mode.mixed else before
    wider = tape.new(wide * 4) if number != before else x.buffer
    kept = [tape.save(wider)]
    del wider
    cube = tape.new(wide * number)
    scaled = tape.new(wide * number)
    del cube
    total = tape.new(wide * number)
    del scaled
    inner = tape.new(wide * number)
    del total
    bent = tape.new(wide * number)
    kept.append(tape.save(bent))
    del inner
    raised = tape.new(wide * number)
    del bent
    half = tape.new(wide * before)
    kept += [tape.save(raised), tape.save(half)]
    made = tape.new(wide * number)
    del raised, half

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept[2:]:
            each.take()
        to_raised = tape.new(wide * number, kind="backward")
        to_half = tape.new(wide * before, kind="backward")
        box.clear()
        del kept[2:]
        straight = tape.new(wide * before, kind="backward")
        del to_half
        kept[1].take()
        to_inner = tape.new(wide * number, kind="backward")
        del to_raised, kept[1]
        to_total = tape.new(wide * number, kind="backward")
        del to_inner
        to_cube = tape.new(wide * number, kind="backward")
        kept[0].take()
        powered = [tape.new(wide * before, kind="backward") for _ in range(2)]
        del to_total, to_cube, powered
        return [straight]

    return Value(made, wide, number, tape.node([x], back))


def concatenated(tape: Tape, parts: list[Value], wide: int) -> Value:
    """Columns beside one another; a part that is narrower than its place is repeated in it."""
    number = parts[0].number
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        return [tape.new(part_wide * number, kind="backward") for part_wide in wides]

    wides = [part.wide for part in parts]
    return Value(made, wide, number, tape.node([*parts], back))
