"""Texts to read on: paragraphs of a file, or a column of text."""

from __future__ import annotations

from typing import Any

from wizard.data.shape.asking import cell
from wizard.data.shape.example import Example
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row
from wizard.data.shape.roles import ROLE_KEYS, ROLE_OF, key_in, role_of
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


def _is_no_turn(row: Row, mapping: Roles) -> bool:
    """A turn by itself, torn out of its conversation, is no text to read on."""
    speaker = key_in(row, None, ROLE_KEYS)
    return speaker is None or not role_of(row[speaker], ROLE_OF)


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
    fits=_is_no_turn,
    convert=convert,
)  # fmt: skip
