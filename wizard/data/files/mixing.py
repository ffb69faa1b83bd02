"""Several sources as one stream of examples, each with its own share; the same seed gives the same rows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wizard.contract import Line, Rejected
from wizard.data.files.identity import SAMPLED, sampled_of, sha256_of
from wizard.data.files.listing import Listing, listing
from wizard.data.files.source import Source, open_source
from wizard.data.shape.example import Converted
from wizard.data.shape.fault import DataFault

Told = Mapping[str, Any]  # a contract.DataSource as JSON
Examples = Iterator[tuple[int, Converted]]


def open_sources(sources: Sequence[Told], seed: int = 0) -> Examples:
    """(line, example) of all of them, in order. Where there is more than one file, `line` is a contract.Line.

    Raises DataFault: at once where one is gone, changed or of another kind than the first; later where one is broken.
    """
    for told in sources:
        if told.get("sha256") or not Path(place(told)).exists():
            unchanged(told)
    kinds = {place(told): opened(told).shape.kind for told in sources}
    if len(set(kinds.values())) > 1:
        raise DataFault("data-kinds-mixed", kinds=", ".join(f"{path}: {kind}" for path, kind in kinds.items()))
    return _all(sources, seed)


def place(told: Told) -> str:
    return str(told.get("path") or told["ref"])


def opened(told: Told) -> Source:
    return open_source(
        Path(place(told)),
        encoding=told.get("encoding", ""),
        format=told.get("format", ""),
        mapping=told.get("mapping") or None,
        subset=told.get("subset", ""),
        split=told.get("split", ""),
    )


def unchanged(told: Told) -> str:
    """The digest of all its bytes; raises DataFault data-gone, data-changed."""
    path, known = Path(place(told)), told.get("sha256") or ""
    if not path.exists():
        raise DataFault("data-gone", path=str(path))
    found = listing_of(told)
    if known.startswith(SAMPLED) and known != sampled_of(found):
        raise DataFault("data-changed", path=str(path))
    whole = sha256_of(found)
    if known not in ("", whole) and not known.startswith(SAMPLED):
        raise DataFault("data-changed", path=str(path))
    return whole


def listing_of(told: Told) -> Listing:
    return listing(Path(place(told)), told.get("subset", ""), told.get("split", ""))


def share(usable: int, samples: int, times: float) -> tuple[int, int]:
    """How often all usable rows are taken, and how many more are drawn from them."""
    return divmod(samples or round(usable * times), usable) if usable else (0, 0)


def _all(sources: Sequence[Told], seed: int) -> Examples:
    for number, told in enumerate(sources):
        taken = _taken(told, random.Random(f"{seed}/{number}"))
        yield from _labelled(place(told), taken) if len(sources) > 1 else taken


def _taken(told: Told, chance: random.Random) -> Examples:
    samples, times = told.get("samples", 0), told.get("times", 1.0)
    if not samples and times == 1:
        yield from opened(told).examples()
        return
    usable = sum(not isinstance(example, Rejected) for _, example in opened(told).examples())
    rounds, more = share(usable, samples, times)
    drawn = bytearray(usable)
    for ordinal in chance.sample(range(usable), more):
        drawn[ordinal] = 1
    for turn in range(max(1, rounds + bool(more))):
        ordinal = -1
        for line, example in opened(told).examples():
            if isinstance(example, Rejected):
                if turn == 0:
                    yield line, example
                continue
            ordinal += 1
            if turn < rounds or drawn[ordinal]:
                yield line, example


def _labelled(path: str, taken: Examples) -> Examples:
    for number, example in taken:
        inner = number.file if isinstance(number, Line) else ""
        line = Line(number, f"{path}/{inner}" if inner else path)
        yield line, replace(example, line=line) if isinstance(example, Rejected) else example
