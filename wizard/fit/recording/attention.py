"""Attention as a tape sees it: rotary positions, then FlashAttention's tiles or a biased kernel."""

from __future__ import annotations

from wizard.contract import FLASH_WIDEST
from wizard.fit.recording import habits
from wizard.fit.recording.eager import eager, repeated
from wizard.fit.recording.ops import Mode, cast, joined
from wizard.fit.recording.tape import Buffer, Tape, Value


def turned(tape: Tape, mode: Mode, kind: str, x: Value, table: int) -> Value:
    """With rotary positions. `table`: bytes of a number of the cosines and sines."""
    if kind in habits.NO_ROTARY:
        return x
    share = habits.JOINED_ROTARY.get(kind)
    if share is None:
        return rotary(tape, mode, x, table, x.wide)
    part = rotary(tape, mode, x, table, int(x.wide * share), sliced=True)
    return joined(tape, part, x)


def rotary(tape: Tape, mode: Mode, x: Value, table: int, wide: int, *, sliced: bool = False) -> Value:
    """(x * cos) + (rotate_half(x) * sin); the tables need no gradient, so nothing of x is kept."""
    whole, before, number = x.wide, x.number, max(x.number, table)
    if mode.compiled:
        made = tape.new(wide * number)
        return Value(made, wide, number, tape.node([x], lambda box: [tape.new(wide * before, kind="backward")]))
    first = tape.new(wide * number)
    negative = tape.new(wide * before // 2)
    turned = tape.new(wide * before)
    del negative
    second = tape.new(wide * number)
    del turned
    made = tape.new(wide * number)
    del first, second

    def back(box: list[Buffer]) -> list[Buffer | None]:
        turned = tape.new(wide * number, kind="backward")
        found = tape.new(wide * before, kind="backward")
        half = tape.new(wide * before, kind="backward")
        del turned, half
        straight = tape.new(wide * before, kind="backward")
        del straight
        return [tape.new(whole * before, kind="backward") if sliced else found]

    return Value(made, wide, number, tape.node([x], back))


def attention(tape: Tape, mode: Mode, q: Value, k: Value, v: Value, heads: int, kv_heads: int) -> Value:
    if mode.mixed:
        q, k, v = (cast(tape, each, mode.compute) for each in (q, k, v))
    if mode.eager:
        return eager(tape, mode, q, k, v, heads)
    wide = q.wide // heads
    if mode.windowed or wide != v.wide // kv_heads or wide > FLASH_WIDEST:
        return _biased(tape, mode, q, k, v, heads, kv_heads)
    return _flash(tape, q, k, v, heads, kv_heads)


def _flash(tape: Tape, q: Value, k: Value, v: Value, heads: int, kv_heads: int) -> Value:
    """Keeps its three inputs, its output and one fp32 for each head."""
    number, wide = q.number, v.wide // kv_heads * heads
    inputs = [tape.save(each.buffer) for each in (q, k, v)]
    made, sums = tape.new(wide * number), tape.new(heads * 4)
    kept = [*inputs, tape.save(made), tape.save(sums)]
    del sums
    wides = (q.wide, k.wide, v.wide)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        delta, total = tape.new(heads * 4, kind="backward"), tape.new(wides[0] * 4, kind="backward")
        spread = [tape.new(wides[0] * number, kind="backward") for _ in range(2)] if heads != kv_heads else []
        found: list[Buffer | None] = [tape.new(wide * number, kind="backward") for wide in wides]
        del delta, total, spread
        return found

    return Value(made, wide, number, tape.node([q, k, v], back))


def _biased(tape: Tape, mode: Mode, q: Value, k: Value, v: Value, heads: int, kv_heads: int) -> Value:
    """The memory-efficient kernel: keys and values for every head, and the mask as numbers, one for all heads."""
    number, wide = q.number, v.wide // kv_heads * heads
    k, v = repeated(tape, k, q.wide), repeated(tape, v, wide)
    inputs = [tape.save(each.buffer) for each in (q, k, v)]
    bias = tape.new(square=number) if mode.windowed else None
    made, sums = tape.new(wide * number), tape.new(heads * 4)
    kept = [*inputs, tape.save(bias), tape.save(made), tape.save(sums)]
    del sums, bias
    wides = (q.wide, k.wide, v.wide)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        return [tape.new(wide * number, kind="backward") for wide in wides]

    return Value(made, wide, number, tape.node([q, k, v], back))
