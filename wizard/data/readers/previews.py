"""The pictures of sample rows, small. Nothing is fetched while somebody only looks: an address has no picture yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from wizard.contract import Rejected, Thumbnail
from wizard.data.files.media.checking import checked
from wizard.data.files.media.pictures import small
from wizard.data.files.media.references import Address, Roots, find, shown

MOST = (96, 64)  # pixels
PICTURES = 6


def previews(samples: Iterable[Mapping[str, Any]], source: Path) -> tuple[Thumbnail, ...]:
    """`samples` as a DataReport has them, `source` the file or folder they came from."""
    roots = Roots(folder=source.parent, more=(source,))
    references = (reference for sample in samples for reference in sample.get("images", ()))
    return tuple(_preview(reference, roots) for reference in islice(references, PICTURES))


def _preview(reference: Any, roots: Roots) -> Thumbnail:
    ref, found = shown(reference), find(reference, roots)
    if isinstance(found, (Address, Rejected)):
        return Thumbnail(ref=ref)
    facts = checked(found, "image", ref)
    made = None if isinstance(facts, Rejected) else small(found, MOST)
    if made is None or isinstance(facts, Rejected):
        return Thumbnail(ref=ref)
    (width, height), pixels = made
    return Thumbnail(ref=ref, size=(facts.width, facts.height), width=width, height=height, pixels=pixels)
