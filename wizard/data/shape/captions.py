"""Rows of a picture, film or sound and the words to it, without a question: captions, transcripts, OCR."""

from __future__ import annotations

from wizard.data.shape.asking import BESIDE, answer, built, together
from wizard.data.shape.columns import CERTAIN_ANSWERS
from wizard.data.shape.example import Example
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row
from wizard.data.shape.media import FIELDS, Media
from wizard.data.shape.turns import checked
from wizard.data.shape.values import is_missing

WORDS = (
    "caption", "captions", "text", "transcription", "transcript", "sentence", "description", "ocr", "latex",
    "latex_formula", "描述", "文本", "字幕", *CERTAIN_ANSWERS,
)  # fmt: skip


def convert(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    said = answer(row, mapping, media, "answer")
    example = built(row, mapping, together([{"role": "user", "content": ""}], said), media)
    if not (example.images or example.videos or example.audios):
        raise Refused("no-media")
    checked(example.messages)
    return example


def _seen(row: Row, mapping: Roles) -> bool:
    return not is_missing(row[mapping["answer"]])


CAPTIONS = tuple(
    Format(
        id="caption",
        kind="messages",
        tasks=("sft",),
        fields={**BESIDE, medium: (*FIELDS[medium], "file_name"), "answer": WORDS},
        required=(medium, "answer"),
        fits=_seen,
        convert=convert,
    )
    for medium in FIELDS
)
