"""Attention as a tape sees it: rotary positions, FlashAttention's tiles, or the whole matrix of scores."""

from __future__ import annotations

from wizard.fit.ops import Mode, cast
from wizard.fit.tape import Buffer, Tape, Value


def rotary(tape: Tape, mode: Mode, x: Value, table: int) -> Value:
    """(x * cos) + (rotate_half(x) * sin); the tables need no gradient, so nothing of x is kept."""
    wide, before, number = x.wide, x.number, max(x.number, table)
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
        return [found]

    return Value(made, wide, number, tape.node([x], back))


def attention(tape: Tape, mode: Mode, q: Value, k: Value, v: Value, heads: int, kv_heads: int) -> Value:
    """Scaled dot product in tiles (FlashAttention): keeps its three inputs, its output and one fp32 per head."""
    if mode.mixed:
        q, k, v = (cast(tape, each, mode.compute) for each in (q, k, v))
    if mode.eager:
        return _eager(tape, q, k, v, heads)
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


def _eager(tape: Tape, q: Value, k: Value, v: Value, heads: int) -> Value:
    """The whole matrix of scores: in the compute type, masked, its softmax in fp32, and that cast back."""
    number = q.number
    k, v = _repeated(tape, k, q.wide), _repeated(tape, v, q.wide)
    inputs = [tape.save(q.buffer), tape.save(k.buffer)]
    scores = tape.new(square=heads * number)
    scaled = tape.new(square=heads * number)
    del scores
    masked = tape.new(square=heads * number)
    del scaled
    full = tape.new(square=heads * 4) if number != 4 else masked
    soft = tape.new(square=heads * 4)
    del full, masked
    of_softmax = tape.save(soft)
    weights = tape.new(square=heads * number) if number != 4 else soft
    del soft
    of_product = [tape.save(weights), tape.save(v.buffer)]
    made = tape.new(q.wide * number)
    tidy = tape.new(q.wide * number)
    del made, weights
    wide = q.wide

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in of_product:
            each.take()
        to_weights = tape.new(square=heads * number, kind="backward")
        to_v = tape.new(wide * number, kind="backward")
        box.clear()
        of_product.clear()
        full = tape.new(square=heads * 4, kind="backward") if number != 4 else to_weights
        del to_weights
        of_softmax.take()
        to_scores = tape.new(square=heads * 4, kind="backward")
        del full
        of_softmax.buffer = None
        low = tape.new(square=heads * number, kind="backward") if number != 4 else to_scores
        del to_scores
        found = tape.new(square=heads * number, kind="backward")
        del low
        for each in inputs:
            each.take()
        to_q, to_k = (tape.new(wide * number, kind="backward") for _ in range(2))
        del found
        return [to_q, to_k, to_v]

    return Value(tidy, q.wide, number, tape.node([q, k, v], back))


def _repeated(tape: Tape, x: Value, wide: int) -> Value:
    if x.wide == wide:
        return x
    before, number = x.wide, x.number
    made = tape.new(wide * number)
    return Value(made, wide, number, tape.node([x], lambda box: [tape.new(before * number, kind="backward")]))
