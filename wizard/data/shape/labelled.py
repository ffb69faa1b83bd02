"""Texts, turns or pictures with a label: a class by number or name, several of them, or a value to predict."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

from wizard.data.shape import conversation
from wizard.data.shape.asking import BESIDE, answer_of, built, cell, talk
from wizard.data.shape.example import Example, Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row, Shape
from wizard.data.shape.media import FIELDS as MEDIA_FIELDS
from wizard.data.shape.media import Media
from wizard.data.shape.parts import plain
from wizard.data.shape.turns import checked, spoken
from wizard.data.shape.values import clean, is_blank, is_missing, listed, number_of, truth_of

LABELS = {"label": ("label", "labels", "label_id", "class", "sentiment", "intent", "标签", "类别", "分类")}
TEXTS = (
    "text",
    "sentence",
    "content",
    "review",
    "comment",
    "title",
    "query",
    "question",
    "input",
    "prompt",
    "文本",
    "内容",
    "评论",
    "句子",
)
FIRST = ("sentence1", "sentence_1", "premise", "text1", "text_a", "question1")
SECOND = ("sentence2", "sentence_2", "hypothesis", "text2", "text_b", "question2")
LONGEST_NAME = 100  # characters of a class's name
STEPS = {"completions": ("completions", "steps"), "labels": ("labels",)}


def label_of(value: Any) -> Any:
    """A number, a name, a bool, or a list of numbers or names; digits in a table's cell are a number."""
    many = listed(value)
    if many is None:
        return _one(value)
    if any(is_missing(each) for each in many):
        raise Refused("no-label")
    return [_one(each) for each in many]


def _one(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    number = number_of(value)
    if number is None and is_missing(value):
        raise Refused("no-label")
    if number is None and not isinstance(value, str):
        raise Refused("bad-label", found=str(value)[:40])
    return clean(value) if number is None else number


def type_of(label: Any) -> str:
    return "list" if isinstance(label, list) else "text" if isinstance(label, str) else "number"


def turns(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    messages = checked(talk(row, mapping, media), last=("user",))
    return built(row, mapping, messages, media, label=label_of(row.get(mapping["label"])))


def texts(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    parts = [plain(cell(row, mapping, role), media) for role in ("text", "text2") if mapping.get(role)]
    if any(is_blank(part) for part in parts) and not any(mapping.get(role) for role in MEDIA_FIELDS):
        raise Refused("empty-text")
    messages: Messages = [{"role": "user", "content": "\n".join(parts)}]
    example = built(row, mapping, messages, media, label=label_of(cell(row, mapping, "label")))
    if is_blank(example.messages[0]["content"]):
        raise Refused("empty-text")
    return example


def steps(row: Row, mapping: Roles) -> Example:
    """TRL's stepwise supervision: a turn for each step, a truth for each turn."""
    media: Media = {}
    done, marks = listed(cell(row, mapping, "completions")), listed(cell(row, mapping, "labels"))
    if not done or not marks or len(done) != len(marks):
        raise Refused("steps-mismatch", steps=len(done or ()), marks=len(marks or ()))
    if None in (truths := [truth_of(mark) for mark in marks]):
        raise Refused("bad-label", found=str(marks)[:40])
    asked = spoken("user", cell(row, mapping, "question"), media)
    messages = checked([asked, *(turn for step in done for turn in answer_of(step, mapping, media))])
    return built(row, mapping, messages, media, label=truths)


def _typed(shape: Shape, rows: list[Row]) -> Shape:
    """What most labels are: the others are not of this set."""
    counted: Counter[str] = Counter()
    for row in rows:
        with suppress(Refused):
            counted[type_of(label_of(row.get(shape.mapping["label"])))] += 1
    return replace(shape, label=counted.most_common(1)[0][0] if counted else "")


def _typed_turns(shape: Shape, rows: list[Row]) -> Shape:
    return _typed(conversation.refined(shape, rows), rows)


def _names_a_class(row: Row, mapping: Roles) -> bool:
    value = row[mapping["label"]]
    return isinstance(value, (bool, int, float, list)) or (isinstance(value, str) and len(value) <= LONGEST_NAME)


def _asks_with_label(row: Row, mapping: Roles) -> bool:
    return _names_a_class(row, mapping) and conversation.asks(row, mapping)


def _counted(row: Row, mapping: Roles) -> bool:
    return listed(row[mapping["completions"]]) is not None and listed(row[mapping["labels"]]) is not None


STEPWISE = Format(
    id="stepwise",
    kind="classification",
    tasks=("prm",),
    fields={"question": ("prompt", "question", "problem"), **STEPS},
    required=("question", "completions", "labels"),
    fits=_counted,
    convert=steps,
)
CLASSES = (
    Format(
        **{**conversation.TURNS, "refine": _typed_turns},  # type: ignore[arg-type]
        kind="classification",
        tasks=("cls",),
        fields={**LABELS, **conversation.TURN_FIELDS},
        required=("messages", "label"),
        fits=_asks_with_label,
        convert=turns,
    ),
    *(
        Format(
            id="classification",
            kind="classification",
            tasks=("cls",),
            fields={**LABELS, **asked, **BESIDE},
            required=("label", *required),
            fits=_names_a_class,
            convert=texts,
            refine=_typed,
        )
        for asked, required in (
            ({"text": FIRST, "text2": SECOND}, ("text", "text2")),
            ({"text": TEXTS}, ("text",)),
            ({}, ("images",)),
            ({}, ("audios",)),
        )
    ),
)
