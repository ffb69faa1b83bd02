"""Attention that writes all its scores, as transformers' `eager_attention_forward` and its like compute it."""

from __future__ import annotations

from wizard.fit.recording.ops import Mode, scale
from wizard.fit.recording.tape import Buffer, Saved, Tape, Value


def eager(tape: Tape, mode: Mode, q: Value, k: Value, v: Value, heads: int) -> Value:
    """The whole matrix of scores: in the compute type, capped and masked, its softmax in fp32, and that cast back."""
    if mode.alibi:
        return _with_alibi(tape, q, k, v, heads)
    wide = v.wide * q.wide // k.wide
    k, v = repeated(tape, k, q.wide), repeated(tape, v, wide)
    scores = _scores(tape, q, k, heads)
    if not mode.sinks:
        del k
    scores = _scaled(tape, scores)
    if mode.capped:
        scores = _scaled(tape, scores)
        scores = _bounded(tape, scores)
        scores = _scaled(tape, scores)
    scores = _masked(tape, scores)
    if mode.sinks:
        return _with_sinks(tape, scores, v, wide)
    boxed = [scores]
    del scores
    weights = _softmax(tape, boxed.pop(), 4)
    return _weighed(tape, weights, v, wide)


def _with_alibi(tape: Tape, q: Value, k: Value, v: Value, heads: int) -> Value:
    """BloomAttention.forward: slices of one product are copied, positions are added within the product of the scores;
    the scores and the masked ones live as long as the function does."""
    q, k, v = (scale(tape, each) for each in (q, k, v))
    scores = _scores(tape, q, k, heads)
    masked = _masked(tape, scores)
    alive = masked.buffer
    found = _weighed(tape, _softmax(tape, masked, 4), v, v.wide)
    del alive, scores
    return found


def _with_sinks(tape: Tape, scores: Value, v: Value, wide: int) -> Value:
    """gpt-oss: a number for each head joins its scores, the largest is taken off; the softmax stays in their type, and
    what went into it lives as long as the function does."""
    joined = _masked(tape, scores)
    logits = _less_the_largest(tape, joined)
    del joined
    alive = logits.buffer
    weights = _but_the_last(tape, _softmax(tape, logits, logits.number))
    del scores
    found = _weighed(tape, weights, v, wide)
    del alive
    return found


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


def _less_the_largest(tape: Tape, x: Value) -> Value:
    """The largest one's gradient is spread over a matrix of its own."""
    size = x.wide * x.number

    def back(box: list[Buffer]) -> list[Buffer | None]:
        spread = tape.new(square=size, kind="backward")
        del spread
        return [box.pop()]

    return Value(tape.new(square=size), x.wide, x.number, tape.node([x], back))


def _but_the_last(tape: Tape, x: Value) -> Value:
    """All but the sink's column: a view, whose gradient is a matrix again."""
    size = x.wide * x.number
    return Value(x.buffer, x.wide, x.number, tape.node([x], lambda box: [tape.new(square=size, kind="backward")]))


def _softmax(tape: Tape, x: Value, full: int) -> Value:
    """Computed in numbers of `full` bytes; x goes as soon as it is read."""
    heads, number = x.wide, x.number
    exact = tape.new(square=heads * full) if number != full else x.buffer
    soft = tape.new(square=heads * full)
    del exact
    x.buffer = None
    kept = tape.save(soft)
    weights = tape.new(square=heads * number) if number != full else soft
    del soft

    def back(box: list[Buffer]) -> list[Buffer | None]:
        exact = tape.new(square=heads * full, kind="backward") if number != full else box[0]
        box.clear()
        kept.take()
        found = tape.new(square=heads * full, kind="backward")
        del exact
        kept.buffer = None
        return [tape.new(square=heads * number, kind="backward") if number != full else found]

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


def repeated(tape: Tape, x: Value, wide: int) -> Value:
    return x if x.wide == wide else scale(tape, x, wide)
