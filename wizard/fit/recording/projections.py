"""Linear layers as a tape sees them: plain, in 4 and 8 bits (bitsandbytes 0.50), with PEFT's adapters beside them."""

from __future__ import annotations

from wizard.fit.reading.shape import Linear
from wizard.fit.recording import beside
from wizard.fit.recording.beside import by_vector, thin
from wizard.fit.recording.float8 import in_float8
from wizard.fit.recording.ops import Mode, add, cast, dropped, scale
from wizard.fit.recording.tape import Buffer, Tape, Value


def linear(tape: Tape, mode: Mode, x: Value, of: Linear, held: list[Buffer]) -> Value:
    """base(x), and with LoRA B(A(x)) * scaling. `held` takes the gradient of a weight that is trained."""
    if mode.trains_all or of.name not in mode.targets:
        return product(tape, mode, x, of, held)
    if mode.tuner:
        x = beside.before(tape, mode, x, of)
        return beside.behind(tape, mode, x, of, product(tape, mode, x, of, held))
    result = product(tape, mode, x, of, held)
    before = result.number
    x = cast(tape, x, mode.adapter)
    if mode.dropout:
        x = dropped(tape, x)
    low = thin(tape, mode, x, mode.rank)
    up = thin(tape, mode, low, of.wide_out)
    del low
    change = _dora(tape, mode, result, up, of) if mode.dora else scale(tape, up)
    del up
    total = add(tape, result, change)
    del result, change
    return cast(tape, total, before)


def product(tape: Tape, mode: Mode, x: Value, linear: Linear, held: list[Buffer]) -> Value:
    """x times a weight of the base."""
    if mode.bits == 4:
        return _of_four_bits(tape, mode, x, linear)
    if mode.bits == 8:
        return _of_eight_bits(tape, mode, x, linear)
    if mode.float8 and linear.in_float8:
        return in_float8(tape, mode, x, linear, held)
    number = mode.compute if mode.mixed else max(x.number, mode.weight)
    x = cast(tape, x, number)
    trained, size = mode.trains_all, linear.size
    kept = tape.save(x.buffer) if trained else None
    copied = mode.mixed and mode.weight != number
    copy = tape.save(tape.new(fixed=size * number, kind="casts")) if copied else None
    made = tape.new(linear.wide_out * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        if kept is not None:
            kept.take()
        if copy is not None:
            copy.take()
        found = tape.new(linear.wide_in * number, kind="backward")
        if trained:
            gradient = tape.new(fixed=size * number, kind="gradients")
            held.append(tape.new(fixed=size * mode.weight, kind="gradients") if copied else gradient)
        return [found]

    return Value(made, linear.wide_out, number, tape.node([x], back))


def _of_four_bits(tape: Tape, mode: Mode, x: Value, linear: Linear) -> Value:
    """The weight is built in the compute type for a moment, forward and backward; what comes out is of x's type. GPTQ's
    is unpacked by way of int32 and int8, once, and kept (gptqmodel/nn_modules/qlinear: dequantize_weight, matmul)."""
    before, number, size = x.number, mode.compute, linear.size
    x = cast(tape, x, number)
    made = tape.new(linear.wide_out * number)
    if mode.unpacked:
        codes = tape.new(fixed=size * 5, kind="dequantised")
        del codes
    built = tape.new(fixed=size * number, kind="dequantised")
    kept = tape.save(built) if mode.unpacked else None
    del built

    def back(box: list[Buffer]) -> list[Buffer | None]:
        if kept is not None:
            kept.take()
        built = tape.new(fixed=size * number, kind="dequantised") if kept is None else None
        found = tape.new(linear.wide_in * number, kind="backward")
        del built
        return [found]

    return cast(tape, Value(made, linear.wide_out, number, tape.node([x], back)), before)


def _of_eight_bits(tape: Tape, mode: Mode, x: Value, linear: Linear) -> Value:
    """int8 products with int32 sums. The input is kept where checkpointing does not see it: until the backward."""
    number, wide_in, wide_out = x.number, linear.wide_in, linear.wide_out
    unseen = x.buffer
    half = tape.new(wide_in * 2)
    codes = tape.new(wide_in)
    del half
    sums = tape.new(wide_out * 4)
    made = tape.new(wide_out * 2)
    del codes, sums
    made = tape.new(wide_out * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        built = tape.new(fixed=linear.size * number, kind="dequantised")
        found = tape.new(wide_in * number, kind="backward")
        del built
        assert unseen is not None
        return [found]

    return Value(made, wide_out, number, tape.node([x], back))


def _dora(tape: Tape, mode: Mode, result: Value, up: Value, of: Linear) -> Value:
    """(m - 1) * base(x) + m * B(A(x)) * scaling, with m the magnitude over the norm of the weight as it is now.

    For the norm B A is made whole, from the identity; it and the base in the adapter's type stay until the end.
    """
    number = mode.adapter
    eye = tape.new(fixed=of.wide_in**2 * number, kind="dora")
    change = tape.new(fixed=of.size * number, kind="dora")
    copied = mode.bits or mode.weight != number
    built = tape.new(fixed=of.size * mode.compute, kind="dequantised") if mode.bits else None
    base = tape.new(fixed=of.size * number, kind="dora") if copied else None
    del built
    scaled = tape.new(fixed=of.size * number, kind="dora")
    total = tape.new(fixed=of.size * number, kind="dora")
    del scaled, total
    straight = by_vector(tape, result, number)
    sideways = by_vector(tape, up, number)
    del eye, change, base
    scaled_up = scale(tape, sideways)
    del sideways
    return add(tape, straight, scaled_up)
