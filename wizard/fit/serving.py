"""The memory law of inference: weights, the key-value cache at a length, and the widest moment of reading a prompt."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.contract import Architecture
from wizard.fit import held
from wizard.fit.decoder import reading
from wizard.fit.moments import Instant, add, instant
from wizard.fit.shape import layer_groups, linears
from wizard.fit.step import Step
from wizard.fit.tape import Size
from wizard.fit.training import mode_of, stream_of

CACHED = 2  # bytes of a key's or a value's number


def instants(step: Step) -> Iterator[Instant]:
    """Loading (a weight that is quantised is there in 16 bits too), then a prompt of the full length."""
    a, weights = step.architecture, held.weights(step)
    mode, stream = mode_of(step), stream_of(step)
    if mode.bits:
        largest = max(each.size for each in linears(a) if each.is_module)
        yield instant("load", {"weights": Size(fixed=weights), "dequantised": Size(fixed=largest * 2)})
    always = {"weights": Size(fixed=weights)}
    for share, length in cached(a):
        add(
            always, "cache", Size(fixed=share * min(length, step.seq_len) * step.micro_batch) if length else Size(share)
        )
    head = mode._replace(bits=0)
    for _, modules in layer_groups(a):
        for moment in reading(a, modules, mode, stream=stream):
            yield instant("prompt", always, moment)
    logits = Size(fixed=a.vocab * (head.compute + 4) * step.micro_batch)  # of the last token, and in fp32 to draw from
    yield instant("prompt", {**always, "hidden": Size(a.hidden * stream), "logits": logits})


def cached(a: Architecture) -> tuple[tuple[int, int], ...]:
    """(bytes for one token in all layers of a kind, tokens such a layer remembers: 0 for all of them)."""
    near = min(a.window_layers, a.layers) if a.window else 0
    far = a.layers - near - a.linear_layers
    if a.kv_rank:
        return (((a.kv_rank + a.rope_dim) * CACHED * a.layers, 0),)
    each = 2 * a.kv_heads * a.head_dim * CACHED
    return tuple(pair for pair in ((each * far, 0), (each * near, a.window)) if pair[0] > 0)


def cache_bytes(a: Architecture, tokens: int) -> int:
    """Of one sequence."""
    return sum(share * (min(tokens, length) if length else tokens) for share, length in cached(a))
