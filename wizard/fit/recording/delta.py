"""The gated delta rule of Qwen3-Next and Qwen3.5, as transformers computes it without kernels of other packages.

Yang et al. 2025, Gated Delta Networks (arXiv:2412.06464), in chunks of 64 tokens, in fp32. A token's share of states
between chunks is heads x key x value numbers / 64.
"""

from __future__ import annotations

from typing import NamedTuple

from wizard.contract import Architecture
from wizard.fit.recording import ops
from wizard.fit.recording.ops import Mode
from wizard.fit.recording.tape import Buffer, Tape, Value

CHUNK = 64
FULL = 4


class Heads(NamedTuple):
    many: int  # of values; keys are repeated for them
    key: int
    value: int

    @property
    def keys(self) -> int:
        return self.many * self.key

    @property
    def values(self) -> int:
        return self.many * self.value

    @property
    def pairs(self) -> int:
        """Of tokens within a chunk, for each token."""
        return self.many * CHUNK

    @property
    def states(self) -> int:
        return self.many * self.key * self.value // CHUNK


def mixed(tape: Tape, a: Architecture, mode: Mode, both: Value, gate: Value) -> Value:
    """`both`: queries, keys and values beside one another, before they are convolved."""
    few = a.linear_key_heads * a.linear_key_dim
    heads = Heads(a.linear_value_heads, a.linear_key_dim, a.linear_value_dim)
    convolved = ops.unary(tape, ops.unary(tape, both))  # the convolution, then SiLU
    number = convolved.number
    del both
    query, key, value = ops.split(tape, convolved, [few, few, heads.values])
    del convolved
    if few != heads.keys:
        query, key = ops.scale(tape, query, heads.keys), ops.scale(tape, key, heads.keys)
    out = ops.cast(tape, _chunked(tape, heads, query, key, value), number)
    del query, key, value
    out = ops.rms_norm(tape, mode, out)
    lit = ops.unary(tape, ops.cast(tape, gate, FULL))
    del gate
    return ops.cast(tape, ops.multiply(tape, out, lit), number)


def _chunked(tape: Tape, heads: Heads, q: Value, k: Value, v: Value) -> Value:
    q, k, v = ops.cast(tape, q, FULL), ops.cast(tape, k, FULL), ops.cast(tape, v, FULL)
    q = ops.normalised(tape, q)
    k = ops.normalised(tape, k)
    q = ops.scale(tape, q)
    padded = [ops.scale(tape, each) for each in (q, k, v)]
    del q, k, v
    q, k, v = padded
    del padded
    learned = _weighted(tape, v)
    k_learned = _weighted(tape, k)
    decay = _pairwise(tape, heads)
    system = ops.multiply(tape, _product(tape, heads, k_learned, k), decay)
    within = ops.multiply(tape, _product(tape, heads, q, k), decay)
    k_decayed = _weighted(tape, k_learned)
    new = _solved(tape, heads, system, learned)
    read = _solved(tape, heads, system, k_decayed)
    out = tape.new(heads.values * FULL)
    q = _weighted(tape, q)
    k = _weighted(tape, k)
    return _scanned(tape, heads, (new, read, q, within, k), out)


def _weighted(tape: Tape, x: Value) -> Value:
    """Times one number for each head, which learns too."""
    kept, size = tape.save(x.buffer), x.wide * FULL
    made = tape.new(size)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        found = tape.new(size, kind="backward")
        product = tape.new(size, kind="backward")
        del product
        return [found]

    return Value(made, x.wide, FULL, tape.node([x], back))


def _pairwise(tape: Tape, heads: Heads) -> Value:
    """How much has decayed between any two tokens of a chunk."""
    size = heads.pairs * FULL
    apart = tape.new(size)
    masked = tape.new(size)
    del apart
    made = tape.new(size)
    del masked
    kept = tape.save(made)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept.take()
        first = tape.new(size, kind="backward")
        second = tape.new(size, kind="backward")
        del first, second
        return []

    return Value(made, heads.pairs, FULL, tape.node([], back))


def _product(tape: Tape, heads: Heads, x: Value, y: Value) -> Value:
    kept_x, kept_y, size = tape.save(x.buffer), tape.save(y.buffer), x.wide * FULL
    made = tape.new(heads.pairs * FULL)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept_x.take()
        kept_y.take()
        return [tape.new(size, kind="backward"), tape.new(size, kind="backward")]

    return Value(made, heads.pairs, FULL, tape.node([x, y], back))


def _solved(tape: Tape, heads: Heads, system: Value, x: Value) -> Value:
    """A triangular system for each chunk; it keeps the system and the solution."""
    kept_system, size, pairs = tape.save(system.buffer), x.wide * FULL, heads.pairs * FULL
    made = tape.new(size)
    kept = tape.save(made)

    def back(box: list[Buffer]) -> list[Buffer | None]:
        kept_system.take()
        kept.take()
        to_x = tape.new(size, kind="backward")
        product = tape.new(pairs, kind="backward")
        to_system = tape.new(pairs, kind="backward")
        del product
        return [to_system, to_x]

    return Value(made, x.wide, FULL, tape.node([system, x], back))


def _scanned(tape: Tape, heads: Heads, sources: tuple[Value, ...], out: Buffer) -> Value:
    """Chunk after chunk: each keeps its corrections and the state before it. Backwards, what each chunk gives to its
    sources is as large as the whole of them."""
    kept = [tape.save(each.buffer) for each in sources[1:]]
    corrections, states = tape.new(heads.values * FULL), tape.new(heads.states * FULL)
    kept += [tape.save(corrections), tape.save(states)]
    del corrections, states
    sizes, values = [each.wide * FULL for each in sources], heads.values * FULL

    def back(box: list[Buffer]) -> list[Buffer | None]:
        for each in kept:
            each.take()
        copied = tape.new(values, kind="backward")
        found: list[Buffer | None] = [tape.new(size, kind="backward") for size in sizes]
        more = tape.new(max(sizes), kind="backward")
        del copied, more
        return found

    return Value(out, heads.values, FULL, tape.node([*sources], back))
