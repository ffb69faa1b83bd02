"""How a layer looks at other tokens, on a tape: queries, keys and values as each model_type makes them."""

from __future__ import annotations

from wizard.contract import Architecture
from wizard.fit.reading.shape import Linear
from wizard.fit.recording import delta, habits, ops
from wizard.fit.recording.attention import attention, turned
from wizard.fit.recording.ops import Mode, rms_norm
from wizard.fit.recording.projections import linear
from wizard.fit.recording.tape import Buffer, Tape, Value

Group = dict[str, Linear]  # by the first of its canonical parts, or by name


def attend(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    if "out_proj" in group and "o_proj" not in group:
        return _recurrent(tape, a, mode, x, group, held)
    if a.kv_rank:
        return _latent(tape, a, mode, x, group, held)
    table = x.number
    q, k, v = _queries_keys_values(tape, a, mode, x, group, held)
    del x
    if a.qk_norm:
        q = rms_norm(tape, mode, q, plus_one=a.kind.startswith(habits.PLUS_ONE))
        k = rms_norm(tape, mode, k, plus_one=a.kind.startswith(habits.PLUS_ONE))
    turned_q = turned(tape, mode, a.kind, q, table)
    turned_k = turned(tape, mode, a.kind, k, table)
    q, k = turned_q, turned_k
    del turned_q, turned_k
    out = attention(tape, mode, q, k, v, a.heads, a.kv_heads)
    del q, k, v
    return linear(tape, mode, out, group["o_proj"], held)


def _queries_keys_values(
    tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]
) -> tuple[Value, Value, Value]:
    if "k_proj" in group:
        q, k, v = (linear(tape, mode, x, group[name], held) for name in ("q_proj", "k_proj", "v_proj"))
        return q, k, v
    wides = [a.heads * a.head_dim, a.kv_heads * a.head_dim, a.kv_heads * a.head_dim]
    fused = linear(tape, mode, x, group["q_proj"], held)
    if a.kind in habits.SLICED:
        q, k, v = (ops.sliced(tape, fused, wide) for wide in wides)
    else:
        q, k, v = ops.split(tape, fused, wides)
    return q, k, v


def _latent(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    """DeepSeek's: queries, and keys with values, through a narrow middle; one turned key for all heads."""
    table, plain = x.number, a.heads * (a.head_dim - a.rope_dim)
    if "q_a_proj" in group:
        low = rms_norm(tape, mode, linear(tape, mode, x, group["q_a_proj"], held))
        q = linear(tape, mode, low, group["q_b_proj"], held)
        del low
    else:
        q = linear(tape, mode, x, group["q_proj"], held)
    both = linear(tape, mode, x, group["kv_a_proj_with_mqa"], held)
    del x
    low, key = ops.split(tape, both, [a.kv_rank, a.rope_dim])
    wide = linear(tape, mode, rms_norm(tape, mode, low), group["kv_b_proj"], held)
    keys, v = ops.split(tape, wide, [plain, a.heads * a.value_dim])
    del low, both, wide
    straight, tilted = ops.split(tape, q, [plain, a.heads * a.rope_dim])
    tilted = turned(tape, mode, a.kind, tilted, table)
    key = turned(tape, mode, a.kind, key, table)
    q = ops.concatenated(tape, [straight, tilted], a.heads * a.head_dim)
    k = ops.concatenated(tape, [keys, key], a.heads * a.head_dim)
    del straight, tilted, keys, key
    out = attention(tape, mode, q, k, v, a.heads, a.heads)
    del q, k, v
    return linear(tape, mode, out, group["o_proj"], held)


def _recurrent(tape: Tape, a: Architecture, mode: Mode, x: Value, group: Group, held: list[Buffer]) -> Value:
    """Queries, keys and values of a gated delta rule with the gate of what comes out."""
    keys, values = a.linear_key_heads * a.linear_key_dim, a.linear_value_heads * a.linear_value_dim
    first, *others = (linear(tape, mode, x, each, held) for name, each in group.items() if name.startswith("in_proj"))
    del x
    if "in_proj_qkv" in group:
        both, gate = first, others[0]
    else:  # one product, whose parts are laid anew beside one another
        q, k, v, gate = ops.split(tape, first, [keys, keys, values, values])
        both = ops.concatenated(tape, [q, k, v], 2 * keys + values)
        del q, k, v
    del first, others
    boxed = [both, gate]
    del both, gate
    out = delta.mixed(tape, a, mode, boxed.pop(0), boxed.pop())
    return linear(tape, mode, out, group["out_proj"], held)
