"""The same conversation in the forms that templates expect, the usual one first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import jinja2

if TYPE_CHECKING:
    from wizard.stages.template import Message

CLOSED = "</think>"


def spellings(messages: Sequence[Message]) -> Iterator[list[Message]]:
    yield list(messages)
    if any(message.get("tool_calls") for message in messages):
        yield [_written_out(message) for message in messages]
    yield [_in_parts(message) for message in messages]


def spelt(text_of: Callable[[Sequence[Message]], str], messages: Sequence[Message]) -> list[Message]:
    """In the form in which the template writes down most of what is said, the usual one before others. Raises
    jinja2.TemplateError where it refuses all of them."""
    left: dict[int, list[Message]] = {}
    refused: jinja2.TemplateError | None = None
    for form in spellings(messages):
        try:
            text = text_of(form)
        except jinja2.TemplateError as error:
            refused = refused or error
            continue
        left.setdefault(sum(answer_of(message) not in text for message in messages), form)
        if 0 in left:
            break
    if refused and not left:
        raise refused
    return left[min(left)]


def said(message: Message) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(str(part.get("text", "")) for part in content)


def answer_of(message: Message) -> str:
    """What is said, without thoughts."""
    return spoken(said(message))


def spoken(text: str) -> str:
    """Of an answer, what stands behind its thoughts."""
    return text.rpartition(CLOSED)[2].strip()


def _written_out(message: Message) -> Message:
    """DeepSeek's templates take a call's arguments only as JSON text, as they come over the wire."""
    calls = json.loads(json.dumps(message.get("tool_calls") or []))
    for call in calls:
        told = call.get("function", call)
        told["arguments"] = json.dumps(told.get("arguments", {}), ensure_ascii=False)
    return {**message, "tool_calls": calls} if calls else message


def _in_parts(message: Message) -> Message:
    """Templates of models that see skip a content that is not a list of parts."""
    content = message.get("content")
    return {**message, "content": [{"type": "text", "text": content}]} if isinstance(content, str) else message
