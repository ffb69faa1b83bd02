"""Which format a source is in, from its first rows; and each row as the example it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from typing import Any

from wizard.contract import Rejected
from wizard.data.shape import columns, conversation, plain
from wizard.data.shape.example import Converted, Example, Talk
from wizard.data.shape.fault import DataFault, reject
from wizard.data.shape.foreign import foreign_kind
from wizard.data.shape.layout import Format, Row, Shape, columns_of, find_columns, normal
from wizard.data.shape.turns import lone_answer

HEAD_ROWS = 200
FORMATS = (conversation.FORMAT, columns.ALPACA, columns.PAIR, plain.FORMAT)  # in the order they are tried
BY_NAME = {
    **{known.id: known for known in FORMATS},
    "sharegpt": conversation.FORMAT,
    "ms-swift": columns.PAIR,
}
PARAGRAPHS = Shape(kind="text", format="text", mapping={}, tasks=plain.FORMAT.tasks)


def recognise(rows: Iterable[Any], format: str = "", mapping: Mapping[str, str] | None = None) -> Shape:
    """Decided by the first HEAD_ROWS rows alone, so that whoever reads the same file decides the same."""
    head = list(islice(rows, HEAD_ROWS))
    objects: list[Row] = [row for row in head if isinstance(row, Mapping)]
    texts = sum(isinstance(row, str) for row in head)
    if texts > len(objects) and format in ("", "text"):
        return PARAGRAPHS
    if not objects:
        raise _no_objects(head)
    if format or mapping:
        return _told(objects, format, mapping or {})
    if kind := foreign_kind(objects):
        raise DataFault(f"data-is-{kind}", columns=_names(objects))
    return _likeliest(objects)


def to_example(shape: Shape, row: Any, line: int = 0) -> Converted:
    """The row as training reads it, or why it will not be used."""
    if isinstance(row, Rejected):
        return row
    converted = _converted(shape, row)
    return replace(converted, line=line) if isinstance(converted, Rejected) else Example(messages=converted)


def _converted(shape: Shape, row: Any) -> Talk:
    if not shape.mapping:
        return plain.paragraph(row) if isinstance(row, str) else reject("not-a-text", found=type(row).__name__)
    if not isinstance(row, Mapping):
        return reject("not-an-object", found=type(row).__name__)
    known = BY_NAME[shape.format]
    if missing := [shape.mapping[role] for role in known.required if shape.mapping[role] not in row]:
        return reject("missing-field", field=missing[0])
    converted = known.convert(row, shape.mapping)
    if shape.kind == "messages" and isinstance(converted, list) and lone_answer(converted):
        return reject("no-user-turn")
    return converted


def _likeliest(objects: list[Row]) -> Shape:
    counted = columns_of(objects)
    found = [(known, find_columns(counted, known.fields)) for known in FORMATS]
    score, known, mapping = max(
        ((_matching(objects, known, mapping), known, mapping) for known, mapping in found), key=lambda each: each[0]
    )
    if not score:
        raise _lacking(objects, columns.PAIR)
    return _shape(known, mapping, objects)


def _matching(objects: list[Row], known: Format, mapping: Mapping[str, str]) -> int:
    if any(role not in mapping for role in known.required):
        return 0
    needed = [mapping[role] for role in known.required]
    return sum(all(row.get(name) is not None for name in needed) and known.fits(row, mapping) for row in objects)


def _shape(known: Format, mapping: Mapping[str, str], objects: list[Row]) -> Shape:
    shape = Shape(kind=known.kind, format=known.id, mapping=mapping, tasks=known.tasks)
    return known.refine(shape, objects)


def _told(objects: list[Row], format: str, mapping: Mapping[str, str]) -> Shape:
    """What a person or a plan says goes before what is seen; only what they leave out is looked for."""
    known = _named(format) if format else _format_of(mapping)
    counted = columns_of(objects)
    inner = ("role", "content") if known is conversation.FORMAT else ()
    for role, column in mapping.items():
        if role not in known.fields and role not in inner:
            raise DataFault("data-mapping-role", role=role, known=", ".join([*known.fields, *inner]), format=known.id)
        if role in known.fields and column not in counted:
            raise DataFault("data-mapping-field", role=role, field=column, columns=_names(objects))
    free = {column: count for column, count in counted.items() if column not in mapping.values()}
    fields = {role: spellings for role, spellings in known.fields.items() if role not in mapping}
    full = {**find_columns(free, fields), **mapping}
    if any(role not in full for role in known.required):
        raise _lacking(objects, known)
    return _shape(known, full, objects)


def _named(format: str) -> Format:
    if format not in BY_NAME:
        raise DataFault("data-format-unknown", format=format, known=", ".join(BY_NAME))
    return BY_NAME[format]


def _format_of(mapping: Mapping[str, str]) -> Format:
    """The format whose roles the mapping speaks of."""
    return max(FORMATS, key=lambda known: sum(role in known.fields for role in mapping))


def _no_objects(head: list[Any]) -> DataFault:
    if not head:
        return DataFault("data-no-rows")
    if isinstance(head[0], Rejected):
        return DataFault("data-json-broken", **{"line": head[0].line, "column": 1, "why": "", **head[0].params})
    return DataFault("data-not-objects", found=type(head[0]).__name__)


def _names(objects: list[Row]) -> str:
    names = list(columns_of(objects))
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _lacking(objects: list[Row], wanted: Format) -> DataFault:
    """Names the columns there are and, where one is nearly a known one, that spelling."""
    present = columns_of(objects)
    needed = " + ".join(wanted.fields[role][0] for role in wanted.required)
    taken = find_columns(present, wanted.fields)
    for role in wanted.required:
        if role in taken:
            continue
        for column in present:
            free = column not in taken.values()
            near = get_close_matches(normal(column), wanted.fields[role], 1, 0.75) if free else []
            if near:
                return DataFault("data-field-misspelt", columns=_names(objects), found=column, meant=near[0])
    return DataFault("data-fields-missing", columns=_names(objects), needed=needed)
