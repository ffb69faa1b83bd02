"""Numbers that a tuner adds beside a decoder's linear layers, by the formulas of PEFT 0.21.2's own layers.

LoRA (arXiv:2106.09685) r (in + out), DoRA (2402.09353) and out; AdaLoRA (2303.10512) r (in + out + 1) + 1; VeRA
(2310.11454) r + out, and one pair of frozen matrices for all layers; (IA)^3 (2205.05638) a number for each column it
scales; MiSS (2409.15371) r out; OFT (2306.07280) (b - 1) / 2 in, for blocks of b; BOFT (2311.06243) b in + out, and for
each layer a frozen permutation of in x in; a bottleneck (1902.00751) of w behind a layer 2 w hidden + w + hidden.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import inf

from wizard.contract import Architecture
from wizard.fit.reading.shape import Linear, adapter_params, as_layers, layer_groups, reached

SCALED = ("k_proj", "v_proj", "down_proj")  # by (IA)^3 where all linear layers are asked for, as in its paper


BOTTLENECKS = {"pfeiffer": 1, "houlsby": 2}  # of a layer: behind its MLP, or behind its attention too


def scaled(tuner: str, targets: tuple[str, ...]) -> tuple[str, ...]:
    """What a tuner that is asked for all linear layers stands beside."""
    return SCALED if tuner == "ia3" and "all-linear" in targets else targets


@cache
def added(a: Architecture, targets: tuple[str, ...], tuner: str, size: int, *, dora: bool = False) -> int:
    """Numbers that are trained. `size`: the rank, the block's or the bottleneck's width."""
    if tuner == "":
        return adapter_params(a, targets, size, dora=dora)
    if tuner in BOTTLENECKS:
        return a.layers * BOTTLENECKS[tuner] * (2 * size * a.hidden + size + a.hidden)
    return sum(count * of_linear(tuner, each, size) for count, each in _reached(a, scaled(tuner, targets)))


def of_linear(tuner: str, each: Linear, size: int) -> int:
    wide_in, wide_out = each.wide_in, each.wide_out
    if tuner == "adalora":
        return size * (wide_in + wide_out + 1) + 1
    if tuner == "vera":
        return size + wide_out
    if tuner == "ia3":
        return wide_in if feeds(each) else wide_out
    if tuner == "miss":
        return size * wide_out
    block = block_of(wide_in, size)
    if tuner == "oft":
        return wide_in // block * (block * (block - 1) // 2)
    return wide_in * block + wide_out


@cache
def frozen(a: Architecture, targets: tuple[str, ...], tuner: str, size: int) -> int:
    """Numbers, of four bytes whatever the base, that a tuner holds and never trains."""
    if tuner == "vera":
        widths = [(each.wide_in, each.wide_out) for _, each in _reached(a, targets)]
        return size * (max((w for w, _ in widths), default=0) + max((w for _, w in widths), default=0))
    if tuner == "boft":
        return sum(count * each.wide_in**2 for count, each in _reached(a, targets))
    return 0


def feeds(each: Linear) -> bool:
    """(IA)^3 scales what goes into the end of an MLP, and what comes out of others."""
    return each.name == "down_proj" or "down_proj" in each.parts


@cache
def block_of(wide: int, size: int) -> int:
    """PEFT takes the nearest divisor of the width, the smaller of two."""
    if size >= wide:
        return wide
    up = next((each for each in range(size, wide + 1) if wide % each == 0), inf)
    down = next(each for each in range(size, 0, -1) if wide % each == 0)
    return down if size - down <= up - size else int(up)


def _reached(a: Architecture, targets: tuple[str, ...]) -> Iterator[tuple[int, Linear]]:
    """Modules alone: experts are parameters, which only LoRA reaches."""
    for count, group in layer_groups(a):
        yield from ((count, each) for each in group if each.is_module and reached(a, each, targets))
    if a.tower and "all-linear" in targets:
        yield from _reached(as_layers(a.tower), targets)
