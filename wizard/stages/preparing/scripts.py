"""A conversation as the model reads it, and which stretches of that text it is to learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from wizard.stages.template import Message, Talker

Span = tuple[int, int]
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Script:
    text: str
    learnt: tuple[Span, ...] = ()  # characters, in order
    ended: bool = False  # a text to read on: all of it is learnt, and the end token after it


def scripts(talker: Talker, messages: Sequence[Message], tools: Tools = ()) -> list[Script]:
    """Mostly one. Each answer is learnt behind the very prompt that serving would give for it: where a template writes
    earlier turns otherwise than it wrote them when they were answered (Qwen3 leaves out thoughts), those get a script
    of their own.

    Raises jinja2.TemplateError where the template refuses the conversation.
    """
    rendering = _Rendering(talker, messages, tools)
    waiting = [number for number, message in enumerate(messages) if _is_taught(message)]
    found: list[Script] = []
    while waiting:
        last = waiting[-1]
        text = rendering.until(last)
        spans = {turn: span for turn in waiting if (span := rendering.span(turn, last, text))}
        if spans:
            found.append(Script(text, tuple(spans.values())))
        waiting = [turn for turn in waiting if turn not in spans and turn != last]
    return found[::-1]


def _is_taught(message: Message) -> bool:
    return message["role"] == "assistant" and message.get("loss") is not False


class _Rendering:
    """The conversation's beginnings, each rendered once."""

    def __init__(self, talker: Talker, messages: Sequence[Message], tools: Tools) -> None:
        self._talker, self._tools = talker, list(tools) or None
        self._messages = [{name: value for name, value in turn.items() if name != "loss"} for turn in messages]
        self._known: dict[tuple[int, bool], str] = {}

    def until(self, turn: int) -> str:
        return self._text(turn + 1, prompt=False)

    def span(self, turn: int, last: int, text: str) -> Span | None:
        """Where the turn's answer lies in a text that ends with turn `last`."""
        try:
            before, after = self._text(turn, prompt=True), self.until(turn)
        except jinja2.TemplateError:  # a talk that begins with an answer: nothing asks for it
            return None
        if not text.startswith(after):
            return None
        if text.startswith(before):
            return len(before), len(after)
        # A prompt that opens thoughts which the template then does not write: learn from where they part.
        parted = shared(before, text)
        said = str(self._messages[turn].get("content") or "").rpartition("</think>")[2].strip()
        return (parted, len(after)) if turn == last and said and said in text[parted:] else None

    def _text(self, turns: int, *, prompt: bool) -> str:
        if (turns, prompt) not in self._known:
            made = self._talker.text(self._messages[:turns], prompt=prompt, tools=self._tools)
            self._known[turns, prompt] = made
        return self._known[turns, prompt]


def shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))
