"""Texts to read on: paragraphs of a file, or a column of text."""

from __future__ import annotations

from typing import Any

from wizard.data.shape.asking import cell
from wizard.data.shape.example import Example
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row
from wizard.data.shape.values import is_blank, text_of

ALONE = ("response", "output", "completion", "answer")  # ms-swift: an answer that nobody asked for is a text


def paragraph(text: Any, mapping: Roles) -> Example:
    """A row that is nothing but a text."""
    if not isinstance(text, str):
        raise Refused("not-a-text", found=type(text).__name__)
    return _text(text)


def convert(row: Row, mapping: Roles) -> Example:
    return _text(text_of(cell(row, mapping, "text")))


def _text(text: str) -> Example:
    if is_blank(text_of(text)):
        raise Refused("empty-text")
    return Example(messages=[{"role": "assistant", "content": text}])


FORMAT = Format(
    id="text",
    kind="text",
    tasks=("cpt",),
    fields={
        "text": (
            "text", "content", "raw_content", "document", "passage", "paragraph", "article", "body", "code", "文本",
            "内容", "正文", *ALONE,
        )
    },
    required=("text",),
    fits=lambda row, mapping: True,
    convert=convert,
)  # fmt: skip
