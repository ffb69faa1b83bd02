"""The tensor operations of a decoder as a tape sees them: what each allocates, keeps for its backward, and gives back.

Seen under the real modelling code of transformers and PEFT; see docs/decisions for how they are checked against it.
"""

from __future__ import annotations

from typing import NamedTuple

from wizard.fit.shape import Linear
from wizard.fit.tape import Buffer, Node, Tape, Value


class Mode(NamedTuple):
    """Numbers are bytes each: 2 for bf16 and fp16, 4 for fp32."""

    weight: int = 2  # of the base, as it is held and as its norms compute
    compute: int = 2  # of a matrix product
    mixed: bool = False  # autocast: products in `compute`, whatever comes in
    adapter: int = 0  # 0: no adapter, the weights themselves are trained
    rank: int = 0
    targets: frozenset[str] = frozenset()
    quantised: bool = False
    dora: bool = False
    eager: bool = False  # attention that writes its whole matrix
    norm: int = 2  # of the norms' weights
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
    x = cast(tape, x, 4) if mode.mixed else x
    kept = tape.save(x.buffer)
    wide, number = x.wide, x.number
    made = tape.new(wide * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(wide * number, kind="backward")]

    return Value(made, wide, number, tape.node([x], back))


def product(tape: Tape, mode: Mode, x: Value, linear: Linear, held: list[Buffer]) -> Value:
    """x times a weight of the base. `held` takes the gradient of the weight where it is trained."""
    if mode.quantised:
        return _product_of_four_bits(tape, mode, x, linear)
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


def _product_of_four_bits(tape: Tape, mode: Mode, x: Value, linear: Linear) -> Value:
    """bitsandbytes: the weight is built in the compute type for a moment, forward and backward; comes back as x's."""
    before, number, size = x.number, mode.compute, linear.size
    x = cast(tape, x, number)
    made = tape.new(linear.wide_out * number)
    built = tape.new(fixed=size * number, kind="dequantised")
    del built

    def back(box: list[Buffer]) -> list[Buffer | None]:
        built = tape.new(fixed=size * number, kind="dequantised")
        found = tape.new(linear.wide_in * number, kind="backward")
        del built
        return [found]

    return cast(tape, Value(made, linear.wide_out, number, tape.node([x], back)), before)


def linear(tape: Tape, mode: Mode, x: Value, of: Linear, held: list[Buffer]) -> Value:
    """A linear layer with its adapter, if it has one, as PEFT's: base(x) + B(A(x)) * scaling."""
    result = product(tape, mode, x, of, held)
    if mode.trains_all or of.name not in mode.targets:
        return result
    before = result.number
    x = cast(tape, x, mode.adapter)
    low = small(tape, mode, x, mode.rank)
    up = small(tape, mode, low, of.wide_out)
    del low
    if mode.dora:
        up = _dora(tape, mode, up, of)
    scaled = scale(tape, up)
    del up
    total = add(tape, result, scaled)
    del result, scaled
    return cast(tape, total, before)


def small(tape: Tape, mode: Mode, x: Value, wide_out: int) -> Value:
    """Through one of the adapter's two thin matrices, which are trained: the input is kept."""
    number = mode.compute if mode.mixed else mode.adapter
    x = cast(tape, x, number)
    kept, wide_in = tape.save(x.buffer), x.wide
    made = tape.new(wide_out * number)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        return [tape.new(wide_in * number, kind="backward")]

    return Value(made, wide_out, number, tape.node([x], back))


def _dora(tape: Tape, mode: Mode, up: Value, of: Linear) -> Value:
    """The low-rank weight is built whole from the identity, and its column norms with the base's."""
    eye = tape.new(fixed=of.wide_in * of.wide_in * mode.adapter, kind="dora")
    whole = tape.new(fixed=of.size * mode.adapter, kind="dora")
    base = tape.new(fixed=of.size * mode.adapter, kind="dora")
    total = tape.new(fixed=of.size * mode.adapter, kind="dora")
    del eye, whole, base, total
    return multiply(tape, up, up)


def rotary(tape: Tape, x: Value, table: int) -> Value:
    """(x * cos) + (rotate_half(x) * sin); the tables need no gradient, so nothing of x is kept."""
    wide, before, number = x.wide, x.number, max(x.number, table)
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
    kept = [tape.save(q.buffer), tape.save(k.buffer)]
    scores = tape.new(square=heads * number)
    scaled = tape.new(square=heads * number)
    del scores
    masked = tape.new(square=heads * number)
    del scaled
    full = tape.new(square=heads * 4) if number != 4 else masked
    soft = tape.new(square=heads * 4)
    del full, masked
    kept.append(tape.save(soft))
    weights = tape.new(square=heads * number) if number != 4 else soft
    del soft
    kept += [tape.save(weights), tape.save(v.buffer)]
    made = tape.new(q.wide * number)
    tidy = tape.new(q.wide * number)
    del made, weights
    wide = q.wide

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        to_weights = tape.new(square=heads * number, kind="backward")
        to_v = tape.new(wide * number, kind="backward")
        box.clear()
        full = tape.new(square=heads * 4, kind="backward") if number != 4 else to_weights
        to_scores = tape.new(square=heads * 4, kind="backward")
        del full, to_weights
        low = tape.new(square=heads * number, kind="backward") if number != 4 else to_scores
        del to_scores
        found = tape.new(square=heads * number, kind="backward")
        del low
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


__all__ = ["Mode", "Node", "Tape", "Value"]
