"""A moment of a whole step: what is held throughout, and a moment of one layer or of the head within it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from wizard.fit.recording.tape import Moment, Size


class Instant(NamedTuple):
    name: str
    total: Size
    around: Mapping[str, Size]  # by label
    moment: Moment | None = None

    @property
    def live(self) -> dict[str, Size]:
        """By label what is there; made only for what is shown."""
        found = dict(self.around)
        for label, size in self.moment.live.items() if self.moment else ():
            add(found, label, size)
        return found


def instant(name: str, around: Mapping[str, Size], moment: Moment | None = None) -> Instant:
    return next(instants(name, around, (moment,)))


def instants(name: str, around: Mapping[str, Size], moments: Iterable[Moment | None]) -> Iterator[Instant]:
    beside = Size(*map(sum, zip(*around.values(), strict=True)))
    for moment in moments:
        yield Instant(name, beside.plus(moment.total) if moment else beside, around, moment)


def add(live: dict[str, Size], label: str, size: Size, times: int = 1) -> None:
    if any(size) and times:
        live[label] = live.get(label, Size()).plus(size, times)
