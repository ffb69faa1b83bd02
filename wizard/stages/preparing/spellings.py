"""The same conversation in the forms that templates expect, the usual one first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from wizard.stages.template import Message


def spellings(messages: Sequence[Message]) -> Iterator[list[Message]]:
    yield list(messages)
    if any(message.get("tool_calls") for message in messages):
        yield [_written_out(message) for message in messages]
    yield [_in_parts(message) for message in messages]


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
