"""Texts to read on: paragraphs of a file, or a column of text."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.contract import Rejected
from wizard.data.shape.example import Talk
from wizard.data.shape.fault import reject
from wizard.data.shape.layout import Format, Row
from wizard.data.shape.values import is_blank, text_of


def paragraph(text: str) -> Talk:
    read = text_of(text)
    if isinstance(read, Rejected):
        return read
    return reject("empty-text") if is_blank(read) else [{"role": "assistant", "content": read}]


def convert(row: Row, mapping: Mapping[str, str]) -> Talk:
    column = mapping["text"]
    if column not in row:
        return reject("missing-field", field=column)
    read = text_of(row[column])
    return read if isinstance(read, Rejected) else paragraph(read)


FORMAT = Format(
    id="text",
    kind="text",
    tasks=("cpt",),
    fields={"text": ("text", "content", "document", "passage", "文本", "内容", "正文")},
    required=("text",),
    fits=lambda row, mapping: True,
    convert=convert,
)
