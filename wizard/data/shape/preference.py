"""Rows with a better and a worse answer, in the spellings of TRL, LLaMA-Factory, ms-swift, axolotl and OpenAI."""

from __future__ import annotations

import re
from typing import Any

from wizard.data.shape.asking import TALK, answer_of, cell, opening, talk
from wizard.data.shape.columns import ALPACA_FIELDS, CERTAIN_ANSWERS, CERTAIN_QUESTIONS, COMMON, CONTEXTS
from wizard.data.shape.conversation import MESSAGES, TURN_FIELDS, TURNS, answers, asks
from wizard.data.shape.example import Example, Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row
from wizard.data.shape.media import Media
from wizard.data.shape.turns import checked, merged
from wizard.data.shape.values import is_missing
from wizard.data.shape.weighing import ASKED, TASKS, last_asked, weighed

CHOSEN = (
    "chosen", "chosen_response", "chosen_messages", "preferred_output", "preferred", "better", "accepted",
    "chosen_answer", "response_chosen", "better_response", "response_j", "pos_resp", "win", "优选", "好回答",
    "更好的回答",
)  # fmt: skip
REJECTED = (
    "rejected", "rejected_response", "rejected_messages", "non_preferred_output", "dispreferred", "worse",
    "rejected_answer", "response_rejected", "worse_response", "response_k", "neg_resp", "lose", "劣选", "坏回答",
    "差回答", "更差的回答",
)  # fmt: skip
SAID = re.compile(r"\n\n(Human|H|Assistant|A): ?")
IMAGES = ("rejected_images",)
EMPTY = {"chosen": "empty-chosen", "answer": "empty-answer", "rejected": "empty-rejected"}


def by_prompt(row: Row, mapping: Roles) -> Example:
    return _judged(row, mapping, {}, "context", "question")


def by_instruction(row: Row, mapping: Roles) -> Example:
    return _judged(row, mapping, {}, "instruction", "input")


def by_turns(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    return weighed(row, mapping, media, talk(row, mapping, media), *_answers(row, mapping, media))


def bare(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    better, worse = (_transcript(row.get(mapping[role])) for role in ("chosen", "rejected"))
    if better and worse:
        return weighed(row, mapping, media, [], better, worse)
    return weighed(row, mapping, media, [], *_answers(row, mapping, media))


def answered(row: Row, mapping: Roles) -> Example:
    """The better answer ends the conversation: ms-swift's rejected_response, rejected_messages, rejected_images."""
    media: Media = {}
    messages = checked(talk(row, mapping, media))
    here = last_asked(messages)
    worse = _side(row, mapping, "rejected", {}) if mapping.get("rejected") else messages[here:]
    return weighed(row, mapping, media, messages[:here], messages[here:], worse)


def answered_pair(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    asked = opening(row, mapping, media, "context", "question")
    better, worse = _side(row, mapping, "answer", media), _side(row, mapping, "rejected", {})
    return weighed(row, mapping, media, asked, better, worse)


def _judged(row: Row, mapping: Roles, media: Media, *asked: str) -> Example:
    return weighed(row, mapping, media, opening(row, mapping, media, *asked), *_answers(row, mapping, media))


def _answers(row: Row, mapping: Roles, media: Media) -> tuple[Messages, Messages]:
    return _side(row, mapping, "chosen", media), _side(row, mapping, "rejected", {})


def _side(row: Row, mapping: Roles, role: str, media: Media) -> Messages:
    value = cell(row, mapping, role)
    if is_missing(value):
        raise Refused(EMPTY[role])
    return answer_of(value, mapping, media)


def _transcript(value: Any) -> Messages:
    """Anthropic's HH: "\\n\\nHuman: ...\\n\\nAssistant: ..." in one text."""
    if not isinstance(value, str) or "\n\nAssistant:" not in value:
        return []
    text = value if value.startswith("\n\n") else f"\n\n{value.lstrip()}"
    pieces = iter(SAID.split(text)[1:])
    speakers = {"H": "user", "A": "assistant"}
    return merged([{"role": speakers[who[0]], "content": next(pieces).strip()} for who in pieces])


def _always(row: Row, mapping: Roles) -> bool:
    return True


SIDE_FIELDS = {"chosen": CHOSEN, "rejected": REJECTED}
BARE = Format(
    id="preference",
    kind="preference",
    tasks=TASKS,
    fields={**SIDE_FIELDS, **TALK},
    required=("chosen", "rejected"),
    fits=_always,
    convert=bare,
)
PREFERENCES = (
    Format(
        **TURNS,  # type: ignore[arg-type]
        kind="preference",
        tasks=TASKS,
        fields={**SIDE_FIELDS, **TURN_FIELDS, "messages": (*MESSAGES, "context", "input")},
        required=("messages", "chosen", "rejected"),
        fits=asks,
        convert=by_turns,
    ),
    Format(
        id="alpaca",
        kind="preference",
        tasks=TASKS,
        fields={**SIDE_FIELDS, **{role: names for role, names in ALPACA_FIELDS.items() if role != "output"}},
        required=("instruction", "chosen", "rejected"),
        fits=_always,
        convert=by_instruction,
    ),
    Format(
        id="preference",
        kind="preference",
        tasks=TASKS,
        fields={**SIDE_FIELDS, **ASKED, **COMMON},
        required=("question", "chosen", "rejected"),
        fits=_always,
        convert=by_prompt,
    ),
    BARE,
    Format(
        **TURNS,  # type: ignore[arg-type]
        kind="preference",
        tasks=TASKS,
        fields={"rejected": REJECTED, "rejected_images": IMAGES, **TURN_FIELDS},
        required=("messages", "rejected"),
        fits=answers,
        convert=answered,
    ),
    Format(
        **TURNS,  # type: ignore[arg-type]
        kind="preference",
        tasks=TASKS,
        fields={"rejected_images": IMAGES, **TURN_FIELDS},
        required=("messages", "rejected_images"),
        fits=answers,
        convert=answered,
    ),
    Format(
        id="ms-swift",
        kind="preference",
        tasks=TASKS,
        fields={
            "rejected": REJECTED,
            "question": CERTAIN_QUESTIONS,
            "answer": CERTAIN_ANSWERS,
            "context": CONTEXTS,
            **COMMON,
        },
        required=("question", "answer", "rejected"),
        fits=_always,
        convert=answered_pair,
    ),
)
