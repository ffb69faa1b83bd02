"""`inspect`: what a source is, how many of its rows can be used, and three of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from wizard.contract import DataReport, Problem
from wizard.data.files import Listing, listing, open_source
from wizard.data.files.encodings import WHOLE_BYTES
from wizard.data.files.parts import Part, opened
from wizard.data.readers.files import check_path, told
from wizard.data.readers.sampling import GROUPS, HEAD_BYTES, chosen, sample
from wizard.data.readers.tally import Tally
from wizard.data.readers.trying import tried


def inspect(
    path: str | Path,
    *,
    encoding: str = "",
    format: str = "",
    mapping: Mapping[str, str] | None = None,
    subset: str = "",
    split: str = "",
    whole_bytes: int = WHOLE_BYTES,
) -> DataReport:
    """Read whole up to `whole_bytes` of it, unpacked; a larger one is sampled and its report is not exact."""
    path = Path(path).expanduser()
    with told(path):
        check_path(path)
        found = listing(path, subset, split)
        larger = is_larger(found, whole_bytes)
        tried(chosen(found.parts) if larger else found.parts, GROUPS if larger else 0, HEAD_BYTES)
        source = open_source(path, encoding=encoding, format=format, mapping=mapping, subset=subset, split=split)
        tally, notes = Tally(source.shape), source.notes
        if larger:
            estimate, only_head = sample(source, encoding, tally)
            notes += (Problem(code="data-head-only"),) if only_head else ()
        else:
            estimate = 0
            tally.add(source.rows)
        return replace(tally.report(source.encoding, estimate), notes=notes)


def is_larger(found: Listing, most: int) -> bool:
    """Asked of the bytes that come out of it."""
    if found.bytes > most:
        return True
    for part in found.parts:
        most -= unpacked(part, most)
        if most < 0:
            return True
    return False


def unpacked(part: Part, most: int) -> int:
    """Bytes; where they are more than `most`, some number more than it."""
    with opened(part) as stream:
        if not hasattr(getattr(stream, "raw", None), "taken"):
            return part.bytes
        size = 0
        while size <= most and (block := stream.read(1 << 20)):
            size += len(block)
        return size
