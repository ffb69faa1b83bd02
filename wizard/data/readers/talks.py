"""An example as the conversations that a model would read of it: one, or a better and a worse, or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Sample = Mapping[str, Any]  # an Example as JSON
Turn = Mapping[str, Any]


def talks(sample: Sample) -> Iterator[tuple[str, Sequence[Turn]]]:
    """(name, turns): `chosen` and `rejected`, or one without a name and, of rows to compare, `positive` `negative`."""
    messages = sample["messages"]
    if worse := turns_of(sample.get("rejected") or []):
        yield "chosen", messages
        yield "rejected", [*asked(messages), *worse]
        return
    yield "", messages
    for name in ("positive", "negative"):
        for other in sample.get(f"{name}s") or ():
            yield name, turns_of(other)


def turns_of(said: Any) -> Sequence[Turn]:
    """Turns, or the answer alone as its text."""
    return [{"role": "assistant", "content": said}] if isinstance(said, str) else list(said)


def asked(messages: Sequence[Turn]) -> Sequence[Turn]:
    """All up to the last answer."""
    last = max((place for place, turn in enumerate(messages) if turn["role"] == "user"), default=len(messages) - 1)
    return messages[: last + 1]


def lone_text(messages: Sequence[Turn]) -> bool:
    """A text to read on, which no template is put around."""
    return len(messages) == 1 and messages[0]["role"] == "assistant"


def before_answer(messages: Sequence[Turn]) -> Sequence[Turn] | None:
    """What is read before anything is learnt; None where nothing is."""
    taught = (
        place for place, turn in enumerate(messages) if turn["role"] == "assistant" and turn.get("loss") is not False
    )
    first = next(taught, None)
    return None if first is None else messages[:first]


def text_in(turn: Turn) -> str:
    content = turn.get("content")
    return content if isinstance(content, str) else ""
