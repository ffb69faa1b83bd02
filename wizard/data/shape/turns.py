"""The order that turns must have to be trained on."""

from __future__ import annotations

from wizard.contract import Rejected
from wizard.data.shape.example import Messages, Talk
from wizard.data.shape.fault import reject
from wizard.data.shape.values import is_blank

EMPTY = {"user": "empty-question", "assistant": "empty-answer"}


def checked(messages: Messages) -> Talk:
    """The same messages when they are [system] (user assistant)+, all filled; else why not."""
    turns = messages[1:] if messages and messages[0]["role"] == "system" else messages
    if not turns:
        return reject("no-messages")
    if all(turn["role"] != "user" for turn in turns):
        return reject("no-user-turn")
    return _disorder(turns) or _gap(turns) or messages


def lone_answer(messages: Messages) -> bool:
    """How ms-swift writes a text for continued pre-training."""
    return len(messages) == 1 and messages[0]["role"] == "assistant"


def _disorder(turns: Messages) -> Rejected | None:
    for number, turn in enumerate(turns, 1):
        expected = "user" if number % 2 else "assistant"
        if turn["role"] != expected:
            return reject("bad-roles", turn=number, role=turn["role"], expected=expected)
    return reject("no-answer") if turns[-1]["role"] == "user" else None


def _gap(turns: Messages) -> Rejected | None:
    return next((reject(EMPTY[turn["role"]]) for turn in turns if is_blank(turn["content"])), None)
