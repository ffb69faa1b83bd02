"""Attention as a tape sees it: rotary positions, then FlashAttention's tiles, a biased kernel or all scores."""

from __future__ import annotations

from wizard.fit.recording import habits
from wizard.fit.recording.ops import Mode, cast, joined
from wizard.fit.recording.tape import Buffer, Saved, Tape, Value

FLASH_WIDEST = 256  # the widest head that FlashAttention takes


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
        return _eager(tape, mode, q, k, v, heads)
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
    k, v = _repeated(tape, k, q.wide), _repeated(tape, v, wide)
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


def _eager(tape: Tape, mode: Mode, q: Value, k: Value, v: Value, heads: int) -> Value:
    """The whole matrix of scores: in the compute type, capped and masked, its softmax in fp32, and that cast back."""
    number, wide = q.number, v.wide * q.wide // k.wide
    k, v = _repeated(tape, k, q.wide), _repeated(tape, v, wide)
    scores = _scores(tape, q, k, heads)
    del k
    scores = _scaled(tape, scores)
    if mode.capped:
        scores = _scaled(tape, scores)
        scores = _bounded(tape, scores)
        scores = _scaled(tape, scores)
    scores = _masked(tape, scores)
    boxed = [scores]
    del scores
    weights = _softmax(tape, boxed.pop(), number)
    return _weighed(tape, weights, v, wide)


def _scores(tape: Tape, q: Value, k: Value, heads: int) -> Value:
    kept, number, wides = [tape.save(q.buffer), tape.save(k.buffer)], q.number, (q.wide, k.wide)
    made = tape.new(square=heads * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        return [tape.new(wide * number, kind="backward") for wide in wides]

    return Value(made, heads, number, tape.node([q, k], back))


def _scaled(tape: Tape, x: Value) -> Value:
    size = x.wide * x.number
    made = tape.new(square=size)
    return Value(made, x.wide, x.number, tape.node([x], lambda box: [tape.new(square=size, kind="backward")]))


def _masked(tape: Tape, x: Value) -> Value:
    return Value(tape.new(square=x.wide * x.number), x.wide, x.number, tape.node([x], lambda box: [box[0]]))


def _bounded(tape: Tape, x: Value) -> Value:
    size = x.wide * x.number
    made = tape.new(square=size)
    kept = tape.save(made)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(square=size, kind="backward")]

    return Value(made, x.wide, x.number, tape.node([x], back))


def _softmax(tape: Tape, x: Value, number: int) -> Value:
    heads = x.wide
    full = tape.new(square=heads * 4) if number != 4 else x.buffer
    soft = tape.new(square=heads * 4)
    del full
    x.buffer = None
    kept = tape.save(soft)
    weights = tape.new(square=heads * number) if number != 4 else soft
    del soft

    def back(box: list[Buffer]) -> list[Buffer | None]:
        full = tape.new(square=heads * 4, kind="backward") if number != 4 else box[0]
        box.clear()
        kept.take()
        found = tape.new(square=heads * 4, kind="backward")
        del full
        kept.buffer = None
        return [tape.new(square=heads * number, kind="backward") if number != 4 else found]

    return Value(weights, heads, number, tape.node([x], back))


def _weighed(tape: Tape, weights: Value, v: Value, wide: int) -> Value:
    heads, number = weights.wide, v.number
    kept: list[Saved] = [tape.save(weights.buffer), tape.save(v.buffer)]
    weights.buffer = None
    made = tape.new(wide * number)
    tidy = tape.new(wide * number)
    del made

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        to_weights = tape.new(square=heads * number, kind="backward")
        to_v = tape.new(wide * number, kind="backward")
        box.clear()
        kept.clear()
        return [to_weights, to_v]

    return Value(tidy, wide, number, tape.node([weights, v], back))


def _repeated(tape: Tape, x: Value, wide: int) -> Value:
    if x.wide == wide:
        return x
    before, number = x.wide, x.number
    made = tape.new(wide * number)
    return Value(made, wide, number, tape.node([x], lambda box: [tape.new(before * number, kind="backward")]))
