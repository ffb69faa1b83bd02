"""A product in FP8 as a tape sees it: torchao 0.18's matmul_with_hp_or_float8_args (float8/float8_linear.py).

What goes in and the weight are kept as they are, and cast anew in the backward. A cast compares all magnitudes and
scales in fp32 before it rounds to 8 bits; compiled, that is one kernel and leaves the 8 bits alone.
"""

from __future__ import annotations

from wizard.fit.reading.shape import Linear
from wizard.fit.recording.ops import Mode, cast
from wizard.fit.recording.tape import Buffer, Tape, Value


def in_float8(tape: Tape, mode: Mode, x: Value, linear: Linear, held: list[Buffer]) -> Value:
    number = mode.compute if mode.mixed else max(x.number, mode.weight)
    wide_in, wide_out, size, weight = linear.wide_in, linear.wide_out, linear.size, mode.weight
    x = cast(tape, x, number)
    kept = tape.save(x.buffer)
    into = eighth(tape, mode, wide_in, number)
    by = eighth_of_weight(tape, mode, size)
    made = tape.new(wide_out * number)
    del into, by

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        out = eighth(tape, mode, wide_out, number)
        by = eighth_of_weight(tape, mode, size)
        found = tape.new(wide_in * number, kind="backward")
        again = out if mode.compiled else eighth(tape, mode, wide_out, number)
        into = eighth(tape, mode, wide_in, number)
        gradient = tape.new(fixed=size * number, kind="gradients")
        del out, by, again, into
        held.append(gradient if number == weight else tape.new(fixed=size * weight, kind="gradients"))
        return [found]

    return Value(made, wide_out, number, tape.node([x], back))


def eighth(tape: Tape, mode: Mode, wide: int, number: int) -> Buffer | None:
    """Of a row for each token."""
    if not mode.compiled:
        magnitudes = tape.new(wide * number, kind="casts")
        del magnitudes
        scaled = tape.new(wide * 4, kind="casts")
        limited = tape.new(wide * 4, kind="casts")
        made = tape.new(wide, kind="casts")
        del scaled, limited
        return made
    return tape.new(wide, kind="casts")


def eighth_of_weight(tape: Tape, mode: Mode, size: int) -> Buffer | None:
    if not mode.compiled:
        scaled = tape.new(fixed=size * 4, kind="casts")
        limited = tape.new(fixed=size * 4, kind="casts")
        made = tape.new(fixed=size, kind="casts")
        del scaled, limited
        return made
    return tape.new(fixed=size, kind="casts")
