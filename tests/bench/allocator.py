"""How much PyTorch's caching allocator holds beyond what is live: its rules, replayed over the law's own events.

python tests/bench/allocator.py [STEPS]

For cases of several shapes, with rows of one length and of many: reserved minus live, as a share of what comes and goes
with the tokens, and in multiples of the whole logits with what the loss makes of them. From these come LOOSE_MOVING and
LOOSE_LOGITS of wizard/fit/memory/law.py. The rules are those of torch 2's native allocator without expandable segments
(c10/cuda/CUDACachingAllocator.cpp): the smallest free block that is large enough serves a request, what is left of it
is split off, neighbours join when both are free, and a segment is as large as what it was made for.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from random import Random
from statistics import mean, median
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from wizard.catalog import builtin, load  # noqa: E402
from wizard.fit.memory import law  # noqa: E402
from wizard.fit.memory.layers import layers_of, mode_of, plain, stream_of  # noqa: E402
from wizard.fit.memory.step import Step  # noqa: E402
from wizard.fit.offering.recipe_step import Case, step_of  # noqa: E402
from wizard.fit.recording.decoder import Record, layer  # noqa: E402
from wizard.fit.recording.head import head  # noqa: E402
from wizard.fit.recording.tape import TILE_TOKENS, Event  # noqa: E402

MIB = 1024**2
SMALL, MIDDLE, GRAIN = MIB, 10 * MIB, 512  # what is smaller than SMALL lives in segments of its own
# The head dwarfs a layer where logits are whole: few layers, many orders of the rows. Else all layers, few orders.
LAYERS = {True: 4, False: 32}
SEEDS = {True: range(6), False: range(2)}


@dataclass(slots=True)
class Block:
    size: int
    free: bool = False
    before: Block | None = None  # neighbours in the same segment
    after: Block | None = None


class Allocator:
    def __init__(self) -> None:
        self.free: list[Any] = []  # (size, id, block), the smallest first
        self.reserved = self.live = self.peak = 0

    def take(self, wanted: int) -> Block:
        size = -(-max(wanted, 1) // GRAIN) * GRAIN
        self.live += size
        self.peak = max(self.peak, self.live)
        if size < SMALL:
            return Block(size)
        at = bisect_left(self.free, (size, 0))
        block = self.free.pop(at)[2] if at < len(self.free) else self._segment(size)
        block.free = False
        if block.size - size > SMALL:
            rest = Block(block.size - size, before=block, after=block.after)
            if rest.after:
                rest.after.before = rest
            block.size, block.after = size, rest
            self._put(rest)
        return block

    def give(self, block: Block) -> None:
        self.live -= block.size
        if block.size < SMALL:
            return
        for other in (block.before, block.after):
            if other and other.free:
                del self.free[bisect_left(self.free, (other.size, id(other)))]
                block = _joined(block, other)
        self._put(block)

    def _segment(self, size: int) -> Block:
        made = Block(2 * MIDDLE if size < MIDDLE else -(-size // (2 * MIB)) * 2 * MIB)
        self.reserved += made.size
        return made

    def _put(self, block: Block) -> None:
        block.free = True
        insort(self.free, (block.size, id(block), block))


def _joined(one: Block, other: Block) -> Block:
    first, second = (one, other) if one.after is other else (other, one)
    first.size, first.after = first.size + second.size, second.after
    if first.after:
        first.after.before = first
    return first


class Player:
    """Events of a recording as requests and releases; a release is of the latest request of its kind and size."""

    def __init__(self, allocator: Allocator, tokens: int, squares: int) -> None:
        self.allocator, self.tokens, self.squares = allocator, tokens, squares
        self.held: dict[tuple[object, ...], list[Block]] = {}

    def play(self, events: Sequence[Event]) -> None:
        for kind, token, square, fixed, tile, _ in events:
            if min(token, square, fixed, tile) < 0:
                if held := self.held.get((kind, -token, -square, -fixed, -tile)):
                    self.allocator.give(held.pop())
                continue
            size = token * self.tokens + square * self.squares + fixed + tile * min(self.tokens, TILE_TOKENS)
            self.held.setdefault((kind, token, square, fixed, tile), []).append(self.allocator.take(size))

    def stop(self) -> None:
        for held in self.held.values():
            for block in held:
                self.allocator.give(block)


Halves = tuple[Sequence[Event], Sequence[Event]]


def halves(record: Record) -> Halves:
    """Forward and backward: the second begins with the gradient that is there already."""
    events = record.backward[0].events
    for at, (kind, *sizes, quiet) in enumerate(events):
        if at and quiet and kind == "backward" and min(sizes) >= 0:
            return events[:at], events[at:]
    raise ValueError("a recording without a backward")


def parts_of(step: Step) -> tuple[list[Halves], Halves]:
    mode, stream = mode_of(step), stream_of(step)
    shape = plain(step.architecture)
    layers = [
        halves(layer(shape, modules, each, checkpointing=step.checkpointing, stream=stream))
        for count, modules, each in layers_of(step, mode)
        for _ in range(count)
    ]
    top = mode._replace(bits=0, weight=stream, targets=frozenset())
    return layers, halves(head(shape, top, fused=step.fused_loss, stream=stream))


def replayed(step: Step, lengths: Sequence[int]) -> Allocator:
    """One optimizer-less step after the other; weights never move, so they are left out."""
    allocator = Allocator()
    layers, last = parts_of(step)
    for length in lengths:
        sizes = (length * step.rows, step.rows * length**2)
        players = [Player(allocator, *sizes) for _ in layers]
        for player, (forward, _) in zip(players, layers, strict=True):
            player.play(forward)
        loss = Player(allocator, *sizes)
        for half in last:
            loss.play(half)
        loss.stop()
        for player, (_, backward) in zip(reversed(players), reversed(layers), strict=True):
            player.play(backward)
            player.stop()
    return allocator


def lengths_of(longest: int) -> dict[str, Callable[[Random], int]]:
    def spread(share: float) -> Callable[[Random], int]:
        return lambda random: max(16, int(random.lognormvariate(log(longest * share), 0.8)))

    def dropped(share: float) -> Callable[[Random], int]:
        def draw(random: Random) -> int:
            while (found := spread(share)(random)) > longest:
                pass
            return found

        return draw

    return {
        "one length": lambda random: longest,
        "any length alike": lambda random: random.randint(16, longest),
        "a third as long, longer rows dropped": dropped(1 / 3),
        "an eighth as long, longer rows dropped": dropped(1 / 8),
        "a third as long, longer rows cut": lambda random: min(longest, spread(1 / 3)(random)),
        "an eighth as long, longer rows cut": lambda random: min(longest, spread(1 / 8)(random)),
    }


def cases() -> dict[str, Step]:
    catalog = load([builtin()])

    def step(model: str, method: str, *, fused: bool = True, ckpt: bool = True) -> Step:
        given = Case(model=catalog.models[model], method=catalog.methods[method], knobs=KNOBS, device="cuda")
        made = replace(step_of(given), fused_loss=fused, checkpointing=ckpt)
        return replace(made, architecture=replace(made.architecture, layers=LAYERS[not fused]))

    found = {}
    for model in ("llama-3.1-8b", "qwen3-8b"):
        found[f"{model} lora"] = step(model, "lora")
        found[f"{model} qlora"] = step(model, "qlora")
        found[f"{model} lora, all activations kept"] = step(model, "lora", ckpt=False)
        found[f"{model} lora, whole logits"] = step(model, "lora", fused=False)
        found[f"{model} qlora, whole logits"] = step(model, "qlora", fused=False)
    return found


KNOBS = replace(load([builtin()]).recipes["sft-lora"].knobs, seq_len=2048, micro_batch=1)


def loose(step: Step, draw: Callable[[Random], int], steps: int, seed: int) -> tuple[float, float]:
    """Reserved minus live, over what moves and over the logits of the longest row that came."""
    random = Random(seed)
    lengths = [draw(random) for _ in range(steps)]
    allocator = replayed(step, lengths)
    logits = law.logits(replace(step, seq_len=max(lengths), fused_loss=False))
    beyond = allocator.reserved - allocator.peak
    return beyond / allocator.peak, beyond / logits


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(f"{steps} steps of at most {KNOBS.seq_len} tokens\n")
    for whole in (False, True):
        print(
            "whole logits: beyond, in multiples of the logits" if whole else "fused: beyond, as a share of what moves"
        )
        chosen = [step for step in cases().values() if step.fused_loss is not whole]
        for way, draw in lengths_of(KNOBS.seq_len).items():
            orders, some = (range(1), 3) if way == "one length" else (SEEDS[whole], steps)
            found = sorted(loose(step, draw, some, seed)[whole] for step in chosen for seed in orders)
            ends = f"{found[len(found) // 10]:5.2f} .. {found[-1 - len(found) // 10]:5.2f}"
            print(f"  {way:40} mean {mean(found):5.2f}  median {median(found):5.2f}  80 % in {ends}", flush=True)


if __name__ == "__main__":
    main()
