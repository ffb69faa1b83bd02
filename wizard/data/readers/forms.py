"""What a person may say of a source themselves: its format, and the column that each role of it is read from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from pathlib import Path

from wizard.contract import Rejected, Role
from wizard.data.files import listing, rows
from wizard.data.files.containers import cut_of
from wizard.data.readers.files import check_path, told
from wizard.data.shape import HEAD_ROWS
from wizard.data.shape.formats import FORMATS, format_named

ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16", "shift_jis", "euc-kr", "cp1252")


def formats() -> tuple[str, ...]:
    return tuple(dict.fromkeys(known.id for known in FORMATS))


def roles(format: str, kind: str = "", mapping: Collection[str] = ()) -> tuple[Role, ...]:
    """Of the way it is written that has those of a mapping; none of a format that is not known."""
    known = format_named(format, kind, mapping)
    if not known:
        return ()
    outside = [Role(name=name, required=name in known.required) for name in known.fields]
    return (*outside, *(Role(name=name, required=name in known.required, inside=True) for name in known.inner))


def columns(path: Path, encoding: str = "") -> tuple[str, ...]:
    """Of the first rows, whatever they may mean. Raises WizardError where none can be read."""
    found: dict[str, None] = {}
    with told(path):
        check_path(path)
        first = listing(path).parts[0]
        for _, row in islice(rows(first, cut_of(first, encoding)), HEAD_ROWS):
            if isinstance(row, Mapping) and not isinstance(row, Rejected):
                found |= dict.fromkeys(map(str, row))
    return tuple(found)
