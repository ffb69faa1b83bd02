"""How long rows will be in tokens, before any tokenizer is here: an estimate from their characters."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.data.shape import Message

LETTERS_A_TOKEN = 4  # of ASCII; what is not is about a token each
TURN_TOKENS = 6  # that a chat template puts around a turn


def estimated(messages: Sequence[Message]) -> int:
    return sum(TURN_TOKENS + _tokens(message["content"]) for message in messages)


def _tokens(text: str) -> int:
    letters = len(text.encode("ascii", "ignore"))
    return -(-letters // LETTERS_A_TOKEN) + len(text) - letters
