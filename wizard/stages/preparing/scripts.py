"""A conversation as the model reads it, and which stretches of that text it is to learn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

from wizard.stages.preparing.spellings import CLOSED, answer_of, said, spellings
from wizard.stages.template import Message, Talker

OPENED = "<think>"  # some prompts end with it: the answer goes on with thoughts
NO_THOUGHTS = re.compile(r"\s*<think>\s*</think>")
Span = tuple[int, int]
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Script:
    text: str
    learnt: tuple[Span, ...] = ()  # characters, in order
    bare: bool = False  # no template wrote it: all of it is learnt, begun as the tokenizer begins a text
    ended: bool = False  # the end token is still to be added, and learnt


@dataclass(frozen=True, slots=True)
class Told:
    scripts: tuple[Script, ...]
    missed: int = 0  # answers that the template does not write out


def scripts(talker: Talker, messages: Sequence[Message], tools: Tools = ()) -> Told:
    """Mostly one script. Each answer is learnt behind the very prompt that serving would give for it: where a template
    writes earlier turns otherwise than when they were answered (Qwen3 leaves out thoughts), those get their own.

    Raises jinja2.TemplateError where the template refuses the conversation in every spelling.
    """
    found: list[Told] = []
    refused = jinja2.TemplateError()
    for spelt in spellings(messages):
        try:
            found.append(_told(_Rendering(talker, spelt, tools)))
        except jinja2.TemplateError as error:
            refused = error if not refused.message else refused
            continue
        if not found[-1].missed:
            return found[-1]
    if not found:
        raise refused
    return min(found, key=lambda told: told.missed)


def _told(rendering: _Rendering) -> Told:
    made: list[Script] = []
    waiting, missed = rendering.taught, 0
    while waiting:
        last = waiting[-1]
        text = rendering.until(last)
        spans = {turn: span for turn in waiting if (span := rendering.span(turn, text))}
        if last in spans:
            made.append(Script(text, tuple(spans.values()), ended=rendering.unended(last, text)))
        elif reopened := rendering.reopened(last, text):
            made.append(reopened)
            spans = {}
        else:
            missed += 1
            made += [Script(text, tuple(spans.values()))] if spans else []
        waiting = [turn for turn in waiting if turn not in spans and turn != last]
    return Told(tuple(made[::-1]), missed)


class _Rendering:
    """The conversation's beginnings, each rendered once."""

    def __init__(self, talker: Talker, messages: Sequence[Message], tools: Tools) -> None:
        self._talker, self._tools, self._messages = talker, list(tools) or None, messages
        self._known: dict[tuple[int, bool], str] = {}
        self.taught = [number for number, turn in enumerate(messages) if _is_taught(turn)]

    def until(self, turn: int) -> str:
        return self._text(turn + 1, prompt=False)

    def span(self, turn: int, text: str) -> Span | None:
        """Where the answer lies in a text that begins with this turn's prompt, and ends with it or goes on behind."""
        try:
            before, after = self._text(turn, prompt=True), self.until(turn)
        except jinja2.TemplateError:  # a talk that begins with an answer: nothing asks for it
            return None
        if not (text.startswith(after) and text.startswith(before) and self._is_said(turn, text[len(before) :])):
            return None
        return len(before), len(after)

    def reopened(self, turn: int, text: str) -> Script | None:
        """The prompt opens thoughts that the template then leaves out (DeepSeek-R1): they are put back behind it."""
        try:
            before = self._text(turn, prompt=True)
        except jinja2.TemplateError:
            return None
        asked = before.rstrip().removesuffix(OPENED)
        if asked == before.rstrip() or not text.startswith(asked) or not self._is_said(turn, text[len(asked) :]):
            return None
        thoughts = said(self._messages[turn]).rpartition(CLOSED)[0].strip().removeprefix(OPENED).strip()
        answer = NO_THOUGHTS.sub("", text[len(asked) :]).lstrip()
        whole = f"{before}{thoughts}\n{CLOSED}\n\n{answer}"
        return Script(whole, ((len(before), len(whole)),))

    def unended(self, turn: int, text: str) -> bool:
        """Some templates (GLM's) mark no end of an answer: it is told by the next turn's beginning."""
        answer = answer_of(self._messages[turn])
        return bool(answer) and text.endswith(answer)

    def _is_said(self, turn: int, text: str) -> bool:
        message = self._messages[turn]
        names = [str(call.get("function", call).get("name", "")) for call in message.get("tool_calls") or []]
        return all(part in text for part in (answer_of(message), *names))

    def _text(self, turns: int, *, prompt: bool) -> str:
        if (turns, prompt) not in self._known:
            made = self._talker.text(self._messages[:turns], prompt=prompt, tools=self._tools)
            self._known[turns, prompt] = made
        return self._known[turns, prompt]


def _is_taught(message: Message) -> bool:
    return message["role"] == "assistant" and message.get("loss") is not False
