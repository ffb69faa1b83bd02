"""The key-value cache: what each kind of layer remembers of a token, and of how many."""

from __future__ import annotations

from wizard.contract import Architecture

CACHED = 2  # bytes of a key's or a value's number


def cached(a: Architecture) -> tuple[tuple[int, int], ...]:
    """(bytes for one token in all layers of a kind, tokens such a layer remembers: 0 for all of them)."""
    near = min(a.window_layers, a.layers) if a.window else 0
    far = a.layers - near - a.linear_layers
    if a.kv_rank:
        return (((a.kv_rank + a.rope_dim) * CACHED * a.layers, 0),)
    each = 2 * a.kv_heads * a.head_dim * CACHED
    return tuple(pair for pair in ((each * far, 0), (each * near, a.window)) if pair[0] > 0)
