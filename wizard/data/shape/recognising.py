"""Which format a source is in, from its first rows; and each row as the example it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from typing import Any

from wizard.contract import Rejected
from wizard.data.shape import columns, plain, preference
from wizard.data.shape.conversation import REFERENCES
from wizard.data.shape.example import Converted
from wizard.data.shape.fault import DataFault, Refused, nothing_usable, reject
from wizard.data.shape.formats import FORMATS, NAMES
from wizard.data.shape.labelled import type_of
from wizard.data.shape.layout import Format, Row, Shape, columns_of, find_columns, normal
from wizard.data.shape.values import DEEPEST

HEAD_ROWS = 200
LESSER = (columns.PROMPT, plain.FORMAT, preference.BARE)  # what a row of another format is as well
FULLER = 4  # one row in so many with all that a format needs says that the others lack something
PARAGRAPHS = Shape(kind="text", format="text", mapping={}, tasks=plain.FORMAT.tasks, convert=plain.paragraph)


def recognise(rows: Iterable[Any], format: str = "", mapping: Mapping[str, str] | None = None) -> Shape:
    """Decided by the first HEAD_ROWS rows alone, so that whoever reads the same file decides the same.

    What a person or a plan says goes before what is seen; a role told to be "" is not there.
    `format`: a format's name or a kind. Raises DataFault.
    """
    head = list(islice(rows, HEAD_ROWS))
    objects: list[Row] = [row for row in head if isinstance(row, Mapping)]
    texts = sum(isinstance(row, str) for row in head)
    if texts > len(objects) and format in ("", "text"):
        return PARAGRAPHS
    if not objects:
        raise _no_objects(head)
    told = dict(mapping or {})
    return _likeliest(objects, _speaking_of(told, format, objects), told)


def to_example(shape: Shape, row: Any, line: int = 0) -> Converted:
    """The row as training reads it, or why it will not be used."""
    if isinstance(row, Rejected):
        return row
    try:
        if type(row) is not dict and shape.mapping and not isinstance(row, Mapping):
            raise Refused("not-an-object", found=type(row).__name__)
        example = shape.convert(row, shape.mapping)
        if shape.label and type_of(example.label) != shape.label:
            raise Refused(f"label-not-{shape.label}")
        return example
    except Refused as refused:
        return replace(refused.rejected, line=line)
    except RecursionError:
        return replace(reject("too-deep", levels=DEEPEST), line=line)


def _speaking_of(told: Mapping[str, str], format: str, objects: list[Row]) -> list[Format]:
    """The formats that a name and a mapping leave: all where neither is told."""
    named = [known for known in FORMATS if not format or format in known.names]
    if not named:
        raise DataFault("data-format-unknown", format=format, known=", ".join(NAMES))
    fitting = [known for known in named if all(role in known.fields or role in known.inner for role in told)]
    if not fitting:
        best = max(named, key=lambda known: sum(role in known.fields for role in told))
        roles = [*best.fields, *best.inner]
        stranger = next(role for role in told if role not in roles)
        raise DataFault("data-mapping-role", role=stranger, known=", ".join(roles), format=best.id)
    present = columns_of(objects)
    for role, column in told.items():
        if column and role in fitting[0].fields and column not in present:
            raise DataFault("data-mapping-field", role=role, field=column, columns=_names(objects))
    return fitting


def _likeliest(objects: list[Row], candidates: list[Format], told: Mapping[str, str]) -> Shape:
    """The first format that most rows are in, else the one that has the most of them."""
    counted = columns_of(objects)
    found = [(known, _mapped(counted, known, told)) for known in candidates]
    possible = [(known, mapping) for known, mapping in found if all(mapping.get(role) for role in known.required)]
    most = _most(objects, possible)
    if most is None and possible and len(candidates) < len(FORMATS):
        most = 0
    if most is None:
        most = next((place for place, each in enumerate(possible) if _hollow(counted, *each)), None)
    if most is None:
        raise _lacking(objects, columns.PAIR if columns.PAIR in candidates else candidates[0], told)
    known, mapping = possible[most]
    halved = (known is columns.PROMPT and not any(normal(column) in REFERENCES for column in counted)) or (
        known is plain.FORMAT and normal(mapping["text"]) in plain.ALONE
    )
    if halved and (misspelt := _misspelt(objects, columns.PAIR, told)):
        raise misspelt
    shape = Shape(kind=known.kind, format=known.id, mapping=mapping, tasks=known.tasks, convert=known.convert)
    return known.refine(shape, objects)


def _most(objects: list[Row], possible: list[tuple[Format, dict[str, str]]]) -> int | None:
    """The place of the format that most rows are in; None where no row is in any."""
    scores = [_matching(objects, known, mapping) for known, mapping in possible]
    enough = [len(objects) if known.kind in ("preference", "kto") else len(objects) + 1 for known, _ in possible]
    most = next((place for place, score in enumerate(scores) if score * 2 >= enough[place]), None)
    if most is not None and possible[most][0] in LESSER:
        return next((place for place, score in enumerate(scores[:most]) if score * FULLER >= len(objects)), most)
    return scores.index(max(scores)) if most is None and any(scores) else most


def _mapped(counted: Mapping[str, int], known: Format, told: Mapping[str, str]) -> dict[str, str]:
    free = {column: count for column, count in counted.items() if column not in told.values()}
    return {**find_columns(free, {role: names for role, names in known.fields.items() if role not in told}), **told}


def _matching(objects: list[Row], known: Format, mapping: Mapping[str, str]) -> int:
    needed = [mapping[role] for role in known.required]
    return sum(all(row.get(name) is not None for name in needed) and known.fits(row, mapping) for row in objects)


def _hollow(counted: Mapping[str, int], known: Format, mapping: Mapping[str, str]) -> bool:
    """All its columns are there, and one of them is empty in every row."""
    return any(counted.get(mapping[role]) == 0 for role in known.required)


def _no_objects(head: list[Any]) -> DataFault:
    if not head:
        return DataFault("data-no-rows")
    if isinstance(head[0], Rejected) and head[0].code != "bad-json":
        return nothing_usable(len(head), head[0])
    if isinstance(head[0], Rejected):
        return DataFault("data-json-broken", **{"line": head[0].line, "column": 1, "why": "", **head[0].params})
    return DataFault("data-not-objects", found=type(head[0]).__name__)


def _names(objects: list[Row]) -> str:
    names = list(columns_of(objects))
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _lacking(objects: list[Row], wanted: Format, told: Mapping[str, str]) -> DataFault:
    needed = " + ".join(wanted.fields[role][0] for role in wanted.required)
    missing = DataFault("data-fields-missing", columns=_names(objects), needed=needed)
    return _misspelt(objects, wanted, told) or missing


def _misspelt(objects: list[Row], wanted: Format, told: Mapping[str, str]) -> DataFault | None:
    """Names the column that is nearly a known one."""
    present = columns_of(objects)
    taken = {**find_columns(present, wanted.fields), **told}
    for role in (role for role in wanted.required if role not in taken):
        for column in present:
            free = column not in taken.values()
            near = get_close_matches(normal(column), wanted.fields[role], 1, 0.75) if free else []
            if near:
                return DataFault("data-field-misspelt", columns=_names(objects), found=column, meant=near[0])
    return None
