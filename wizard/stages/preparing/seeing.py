"""Pictures of rows on their way to a model: each source's own are looked for beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from wizard.data.files.media.fetching import Cache
from wizard.data.files.media.ready import Shelf, ready_all
from wizard.data.files.media.references import Roots
from wizard.data.files.mixing import place
from wizard.data.shape import Converted

Numbered = Iterator[tuple[int, Converted]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Of which family the model is, where changed copies of pictures go, and those that are fetched."""

    family: str
    store: str
    cache: str


def seen(examples: Numbered, sources: Sequence[Mapping[str, Any]], to: Pictures) -> Numbered:
    for number, some in groupby(examples, lambda numbered: source_of(numbered[0], sources)):
        yield from ready_all(some, shelf_of(sources[number], to))


def source_of(line: int, sources: Sequence[Mapping[str, Any]]) -> int:
    """A line of several sources begins with the place of its own."""
    file = str(getattr(line, "file", "")) if len(sources) > 1 else ""
    fitting = [each for each, told in enumerate(sources) if f"{file}/".startswith(f"{place(told)}/")] if file else []
    return max(fitting, key=lambda each: len(place(sources[each])), default=0)


def shelf_of(told: Mapping[str, Any], to: Pictures) -> Shelf:
    source = Path(told.get("origin") or place(told))
    roots = Roots(folder=source.parent, more=(source,))
    return Shelf(roots=roots, cache=Cache(folder=Path(to.cache)), store=Path(to.store), family=to.family)
