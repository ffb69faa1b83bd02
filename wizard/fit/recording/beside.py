"""What PEFT 0.21.2's tuners other than LoRA put before, beside or behind a linear layer, on a tape.

Each is written as its layer's `forward` is, under autocast or without: casts, products, what is kept for the backward.
"""

from __future__ import annotations

from collections.abc import Callable

from wizard.fit.reading import tuned
from wizard.fit.reading.shape import Linear
from wizard.fit.recording.ops import Mode, add, cast, scale, unary
from wizard.fit.recording.tape import Buffer, Tape, Value

Behind = Callable[[Tape, Mode, Value, Linear, Value], Value]
NEUMANN = 5  # powers of a skew matrix until OFT's series ends


def thin(tape: Tape, mode: Mode, x: Value, wide_out: int) -> Value:
    """Through a thin matrix that is trained: the input is kept."""
    number = product_number(mode)
    x = cast(tape, x, number)
    kept, wide_in = tape.save(x.buffer), x.wide
    made = tape.new(wide_out * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(wide_in * number, kind="backward")]

    return Value(made, wide_out, number, tape.node([x], back))


def product_number(mode: Mode) -> int:
    return mode.compute if mode.mixed else mode.adapter


def by_vector(tape: Tape, x: Value, number: int) -> Value:
    """Times a trained number of so many bytes for each column."""
    kept, wide, before, wider = tape.save(x.buffer), x.wide, x.number, max(x.number, number)
    made = tape.new(wide * wider)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        found = tape.new(wide * wider, kind="backward")
        if before != wider:
            found = tape.new(wide * before, kind="backward")
        of_vector = tape.new(wide * wider, kind="backward")
        del of_vector
        return [found]

    return Value(made, wide, wider, tape.node([x], back))


def made_anew(tape: Tape, mode: Mode, x: Value, wide_out: int, *, learns: bool) -> Value:
    """Through a matrix that is no weight of its own: autocast copies it each time, and the copy is kept.

    `learns`: the matrix hands a gradient on, so that the input is kept too."""
    number = product_number(mode)
    x = cast(tape, x, number)
    size, wide_in = x.wide * wide_out, x.wide
    copy = tape.save(tape.new(fixed=size * number, kind="casts")) if number != mode.adapter else None
    kept = tape.save(x.buffer) if learns else None
    made = tape.new(wide_out * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        if kept is not None:
            kept.take()
        if copy is not None:
            copy.take()
        found = tape.new(wide_in * number, kind="backward")
        if learns:
            gradient = tape.new(fixed=size * mode.adapter, kind="backward")
            del gradient
        return [found]

    return Value(made, wide_out, number, tape.node([x], back))


def _vera(tape: Tape, mode: Mode, x: Value, of: Linear, result: Value) -> Value:
    before = result.number
    x = cast(tape, x, mode.adapter)
    low = by_vector(tape, made_anew(tape, mode, x, mode.rank, learns=False), mode.adapter)
    up = by_vector(tape, made_anew(tape, mode, low, of.wide_out, learns=False), mode.adapter)
    del low
    total = add(tape, result, up)
    del result, up
    return cast(tape, total, before)


def _adalora(tape: Tape, mode: Mode, x: Value, of: Linear, result: Value) -> Value:
    """PEFT trains the number that the change is divided by, too, so what is divided is kept; the sum is in place."""
    x = cast(tape, x, mode.adapter)
    low = made_anew(tape, mode, x, mode.rank, learns=True)
    up = made_anew(tape, mode, low, of.wide_out, learns=True)
    del low
    scaled = scale(tape, up)
    del up
    scaled = _divided(tape, scaled, mode.adapter)
    number = result.number

    def back(box: list[Buffer]) -> list[Buffer | None]:
        return [box[0], tape.new(of.wide_out * mode.adapter, kind="backward") if number != mode.adapter else box[0]]

    return Value(result.buffer, of.wide_out, number, tape.node([result, scaled], back))


def _divided(tape: Tape, x: Value, number: int) -> Value:
    """By one number that is trained."""
    kept, wide, before, wider = tape.save(x.buffer), x.wide, x.number, max(x.number, number)
    made = tape.new(wide * wider)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        found = tape.new(wide * wider, kind="backward")
        of_divisor = [tape.new(wide * wider, kind="backward") for _ in range(3)]
        del of_divisor
        if before != wider:
            found = tape.new(wide * before, kind="backward")
        return [found]

    return Value(made, wide, wider, tape.node([x], back))


def _ia3(tape: Tape, mode: Mode, x: Value, of: Linear, result: Value) -> Value:
    before = result.number
    return cast(tape, by_vector(tape, result, mode.adapter), before)


def _scaled_before(tape: Tape, mode: Mode, x: Value, of: Linear) -> Value:
    before = x.number
    return cast(tape, by_vector(tape, cast(tape, x, mode.adapter), mode.adapter), before)


def _miss(tape: Tape, mode: Mode, x: Value, of: Linear, result: Value) -> Value:
    """Columns r apart are summed, then go through one thin matrix."""
    before = result.number
    x = cast(tape, x, mode.adapter)
    low = scale(tape, x, mode.rank)
    up = thin(tape, mode, low, of.wide_out)
    del low
    total = add(tape, result, up)
    del result, up
    return cast(tape, total, before)


def _oft(tape: Tape, mode: Mode, x: Value, of: Linear) -> Value:
    """The input is turned block by block; the rotation is made anew of skew matrices by Cayley's series."""
    number = mode.adapter
    matrices = of.wide_in * tuned.block_of(of.wide_in, mode.rank)
    wider = cast(tape, x, number)
    powers = [tape.save(tape.new(fixed=matrices * number, kind="rotation")) for _ in range(NEUMANN - 1)]
    turned = _turned(tape, mode, wider, matrices)
    joined = tape.new(of.wide_in * turned.number)  # the blocks, beside one another again

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in powers:
            each.take()
        of_powers = [tape.new(fixed=matrices * number, kind="rotation") for _ in range(2)]
        del of_powers
        return [box[0]]

    out = cast(tape, Value(joined, of.wide_in, turned.number, tape.node([turned], back)), number)
    del turned, joined, wider
    return cast(tape, out, x.number)


def _turned(tape: Tape, mode: Mode, x: Value, matrices: int) -> Value:
    """A product with a rotation that hands its gradient on."""
    number, wide = product_number(mode), x.wide
    x = cast(tape, x, number)
    kept = tape.save(x.buffer)
    copy = tape.save(tape.new(fixed=matrices * number, kind="rotation"))
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        copy.take()
        gradient = tape.new(fixed=matrices * mode.adapter, kind="rotation")
        found = tape.new(wide * number, kind="backward")
        del gradient
        return [found]

    return Value(made, wide, number, tape.node([x], back))


def _boft(tape: Tape, mode: Mode, x: Value, of: Linear) -> Value:
    """The rotation is written out whole, and goes through the frozen permutation on both sides."""
    whole, number = of.wide_in**2, product_number(mode)
    kept = [tape.save(tape.new(fixed=whole * number, kind="rotation")) for _ in range(2)]
    turned = _turned(tape, mode, x, whole)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        gradients = [tape.new(fixed=whole * number, kind="rotation") for _ in range(3)]
        del gradients
        return [box[0]]

    return cast(tape, Value(turned.buffer, of.wide_in, turned.number, tape.node([turned], back)), x.number)


def bottleneck(tape: Tape, mode: Mode, x: Value) -> Value:
    """Down, a nonlinearity, up again, added to what came in: our own `wizard.tuners`, in fp32."""
    low = unary(tape, thin(tape, mode, cast(tape, x, mode.adapter), mode.rank))
    up = cast(tape, thin(tape, mode, low, x.wide), x.number)
    del low
    return add(tape, x, up)


BEFORE = {"oft": _oft, "boft": _boft}
BEHIND: dict[str, Behind] = {"vera": _vera, "adalora": _adalora, "ia3": _ia3, "miss": _miss, "boft": _ia3}


def before(tape: Tape, mode: Mode, x: Value, of: Linear) -> Value:
    if mode.tuner == "ia3" and tuned.feeds(of):
        return _scaled_before(tape, mode, x, of)
    if mode.tuner not in BEFORE:
        return x
    turned = BEFORE[mode.tuner](tape, mode, x, of)
    if not mode.bits:
        tape.save(None)  # recomputing goes as far as the product behind it, which wants its weight
    return turned


def behind(tape: Tape, mode: Mode, x: Value, of: Linear, result: Value) -> Value:
    if mode.tuner not in BEHIND or (mode.tuner == "ia3" and tuned.feeds(of)):
        return result
    return BEHIND[mode.tuner](tape, mode, x, of, result)
