"""A small autograd that knows only sizes: what a step of training allocates, keeps for its backward, and frees when.

Buffers live and die by Python's reference counting, as tensors do under PyTorch: the code that is written on a tape
reads like the modelling code it stands for. Sizes are linear forms, so one recording serves every batch and length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

TILE_TOKENS = 4096  # the fused head works on as many tokens at a time


class Size(NamedTuple):
    """Bytes: `token` x tokens + `square` x (micro-batch x length²) + `fixed` + `tile` x min(tokens, TILE_TOKENS)."""

    token: int = 0
    square: int = 0
    fixed: int = 0
    tile: int = 0

    def at(self, tokens: int, squares: int) -> int:
        return self.token * tokens + self.square * squares + self.fixed + self.tile * min(tokens, TILE_TOKENS)

    def plus(self, other: Size, times: int = 1) -> Size:
        if times == 1:
            return Size(self[0] + other[0], self[1] + other[1], self[2] + other[2], self[3] + other[3])
        return Size(
            self[0] + times * other[0],
            self[1] + times * other[1],
            self[2] + times * other[2],
            self[3] + times * other[3],
        )


NOTHING = Size()
Event = tuple[str, int, int, int, int, bool]  # kind, the four numbers of a Size (below zero: a release), quiet


class Moment:
    """Right after an allocation that no other exceeds for every batch and length."""

    __slots__ = ("at", "events", "total")

    def __init__(self, total: Size, events: list[Event], at: int) -> None:
        self.total, self.events, self.at = total, events, at

    @property
    def live(self) -> dict[str, Size]:
        """By label."""
        kinds: dict[str, Size] = {}
        for kind, *numbers, _ in self.events[: self.at + 1]:
            kinds[kind] = kinds.get(kind, Size()).plus(Size(*numbers))
        return {kind: size for kind, size in kinds.items() if any(size)}


def exceeds(one: Size, other: Size) -> bool:
    """At every batch and length."""
    return one[0] >= other[0] and one[1] >= other[1] and one[2] >= other[2] and one[3] >= other[3]


class Buffer:
    """Bytes that are held until the last reference to them is gone."""

    __slots__ = ("event", "events")

    def __init__(self, events: list[Event], event: Event) -> None:
        self.events, self.event = events, event
        events.append(event)

    def __del__(self) -> None:
        kind, token, square, fixed, tile, _ = self.event
        self.events.append((kind, -token, -square, -fixed, -tile, True))


class Value:
    """A tensor: a buffer, the bytes of one of its numbers, how many a token has, and the node that made it."""

    __slots__ = ("buffer", "node", "number", "wide")

    def __init__(self, buffer: Buffer | None, wide: int, number: int, node: Node | None) -> None:
        self.buffer, self.wide, self.number, self.node = buffer, wide, number, node


Back = Callable[[list[Buffer]], "list[Buffer | None]"]  # takes its gradient out of the box when it is done with it


class Node:
    """One step of the backward: takes the gradient of what it made, gives those of what it was made from."""

    __slots__ = ("back", "gathers", "order", "sources")

    def __init__(self, order: int, sources: list[Node | None], back: Back) -> None:
        self.order, self.sources, self.back = order, sources, back
        self.gathers = False  # gradients of its several outputs wait for one another


class Saved:
    """A buffer kept for the backward; under checkpointing it is made again when it is first asked for."""

    __slots__ = ("buffer", "index", "segment")

    def __init__(self, buffer: Buffer | None, segment: Segment | None = None, index: int = 0) -> None:
        self.buffer, self.segment, self.index = buffer, segment, index

    def take(self) -> None:
        if self.segment is not None:
            self.buffer = self.segment.fetch(self.index)


class AllSaved(Exception):
    """Recomputing stops as soon as the last buffer that will be asked for is there."""


class Segment:
    """A stretch of the forward that is run again in the backward instead of being kept."""

    def __init__(self, tape: Tape, forward: Callable[[], object]) -> None:
        self.tape, self.forward = tape, forward
        self.count = 0
        self.again: list[Buffer | None] | None = None

    def fetch(self, index: int) -> Buffer | None:
        if self.again is None:
            self.again = []
            self.tape.recompute(self)
        buffer, self.again[index] = self.again[index], None
        return buffer


class Tape:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.quiet = False  # what is held when a recording starts is not an allocation
        self.order = 0
        self.kind = "activations"
        self.segment: Segment | None = None
        self.recomputing: Segment | None = None
        self.learning = True  # else nothing is kept for a backward that will not come

    def new(self, token: int = 0, *, square: int = 0, fixed: int = 0, tile: int = 0, kind: str = "") -> Buffer:
        return Buffer(self.events, (kind or self.kind, token, square, fixed, tile, self.quiet))

    def moments(self, start: int = 0, held: Size = NOTHING) -> tuple[tuple[Moment, ...], Size]:
        """From an event on, with what is held there: allocations that a release follows and that no other exceeds;
        and what is held at the end."""
        token, square, fixed, tile = held
        events, found = self.events, list[Moment]()
        last = len(events) - 1
        for at in range(start, last + 1):
            event = events[at]
            token += event[1]
            square += event[2]
            fixed += event[3]
            tile += event[4]
            if event[5] or (at < last and not events[at + 1][5]):
                continue
            total = Size(token, square, fixed, tile)
            if not any(exceeds(seen.total, total) for seen in found):
                found = [seen for seen in found if not exceeds(total, seen.total)]
                found.append(Moment(total, events, at))
        return tuple(found), Size(token, square, fixed, tile)

    def save(self, buffer: Buffer | None) -> Saved:
        if not self.learning:
            return Saved(None)
        if self.recomputing is not None:
            again = self.recomputing.again
            assert again is not None
            again.append(buffer)
            if len(again) == self.recomputing.count:
                raise AllSaved
            return Saved(None)
        if self.segment is not None:
            self.segment.count += 1
            return Saved(None, self.segment, self.segment.count - 1)
        return Saved(buffer)

    def node(self, sources: list[Value | None], back: Back) -> Node | None:
        """None where nothing upstream wants a gradient."""
        if self.recomputing is not None or not self.learning:
            return None
        before = [None if value is None else value.node for value in sources]
        self.order += 1
        return Node(self.order, before, back)

    def recompute(self, segment: Segment) -> None:
        self.recomputing, kind, self.kind = segment, self.kind, "recomputed"
        try:
            segment.forward()
        except AllSaved:
            pass
        finally:
            self.recomputing, self.kind = None, kind

    @contextmanager
    def silent(self) -> Iterator[None]:
        """What is allocated inside is no moment: it is there before what is recorded."""
        self.quiet = True
        try:
            yield
        finally:
            self.quiet = False

    def backward(self, start: list[Node], box: list[Buffer]) -> None:
        """From a node to the leaves, the latest first; a second gradient of the same node is added in place."""
        waiting: dict[int, tuple[Node, list[Buffer]]] = {start[0].order: (start.pop(), [box.pop()])}
        while waiting:
            here, given = waiting.pop(max(waiting))
            sources, found = here.sources, here.back(given)
            del given, here
            for source in sources:
                each = found.pop(0)
                if source is not None and each is not None:
                    if source.order not in waiting:
                        waiting[source.order] = (source, [each])
                    elif source.gathers:
                        waiting[source.order][1].append(each)
                del each
