"""A better and a worse answer to the same conversation, however much of it either of them repeats."""

from __future__ import annotations

from typing import Any

from wizard.data.shape.asking import built, together, with_system
from wizard.data.shape.columns import CERTAIN_QUESTIONS, CONTEXTS
from wizard.data.shape.example import Example, Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Roles, Row, cell_of
from wizard.data.shape.media import Media, references
from wizard.data.shape.turns import checked
from wizard.data.shape.values import is_blank, is_missing

TASKS = ("dpo", "orpo", "simpo", "cpo", "reward", "sft")
ASKED = {"question": (*CERTAIN_QUESTIONS, "text"), "context": CONTEXTS}


def weighed(row: Row, mapping: Roles, media: Media, asked: Messages, better: Messages, worse: Messages) -> Example:
    """`better` and `worse` may begin with the conversation itself; what they share is then the prompt."""
    if any(turn["role"] == "user" for turn in better):
        asked, better = with_system(better, [turn for turn in asked if turn["role"] == "system"]), []
        here = last_asked(asked)
        asked, better = asked[:here], asked[here:]
    if any(turn["role"] == "user" for turn in worse):
        here = last_asked(worse)
        if _spoken(worse[:here]) != _spoken(asked):
            raise Refused("prompts-differ")
        worse = worse[here:]
    _compared(row, mapping, better, worse)
    messages = together(asked, better)
    if asked:
        checked(messages)
    images = references(row.get(mapping["rejected_images"])) if mapping.get("rejected_images") else []
    more: dict[str, Any] = {"extra": {"rejected_images": images}} if images else {}
    return built(row, mapping, messages, media, rejected=worse, **more)


def _compared(row: Row, mapping: Roles, better: Messages, worse: Messages) -> None:
    for code, turns in (("empty-chosen", better), ("empty-rejected", worse)):
        if not turns or any(is_blank(turn["content"]) and "tool_calls" not in turn for turn in turns[-1:]):
            raise Refused(code)
        if turns[-1]["role"] != "assistant":
            raise Refused("no-answer")
    if _answers(better) == _answers(worse) and is_missing(cell_of(row, mapping, "rejected_images")):
        raise Refused("chosen-is-rejected")


def _answers(turns: Messages) -> list[Any]:
    return [(turn["role"], turn["content"].strip(), turn.get("tool_calls")) for turn in turns]


def _spoken(turns: Messages) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"].strip()) for turn in turns if turn["role"] != "system"]


def last_asked(messages: Messages) -> int:
    """Where the answer begins: after the last turn of the user."""
    return max((place for place, turn in enumerate(messages) if turn["role"] == "user"), default=-1) + 1
