"""What a request wishes besides an answer: where it ends, how many there are; what is not done here is refused, for a
client that was answered otherwise than it asked would not know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wizard.stages.refusing import Refusal

MOST_ANSWERS, MOST_STOPS = 8, 16
Piece = tuple[str, int, "str | None"]  # new text, tokens so far, why it ended


def answers_of(asked: Mapping[str, Any]) -> int:
    """`n` of OpenAI's API."""
    found = asked.get("n") or 1
    if not isinstance(found, int) or not 0 < found <= MOST_ANSWERS:
        raise Refusal(400, f"`n` is to be a number from 1 to {MOST_ANSWERS}.")
    return found


def stops_of(asked: Mapping[str, Any]) -> list[str]:
    found = asked.get("stop") or []
    stops = [found] if isinstance(found, str) else found
    if not isinstance(stops, list) or len(stops) > MOST_STOPS or not all(s and isinstance(s, str) for s in stops):
        raise Refusal(400, f"`stop` is to be a text, or a list of at most {MOST_STOPS} of them.")
    return stops


def refuse_undone(asked: Mapping[str, Any]) -> None:
    form = (asked.get("response_format") or {}).get("type", "text")
    choice = asked.get("tool_choice") or "auto"
    undone = {
        "logprobs": bool(asked.get("logprobs")) or bool(asked.get("top_logprobs")),
        f"response_format {form!s:.40}": form != "text",
        "tool_choice": choice not in ("auto", "none"),
        "echo": bool(asked.get("echo")),
        "suffix": bool(asked.get("suffix")),
    }
    for name, wished in undone.items():
        if wished:
            raise Refusal(400, f"This server does not do `{name}`; vLLM does.")


def each_of(asked: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The request of one of several answers: with one seed for all they would be the same."""
    seed = asked.get("seed")
    return {**asked, "seed": int(seed) + number} if seed is not None and number else dict(asked)


def until(pieces: Iterator[Piece], stops: Sequence[str]) -> Iterator[Piece]:
    """Up to the first of `stops`, which is not said; what may be the beginning of one waits for what follows."""
    if not stops:
        yield from pieces
        return
    held = ""
    for text, done, reason in pieces:
        held += text
        found = min((place for stop in stops if (place := held.find(stop)) >= 0), default=-1)
        if found >= 0:
            yield held[:found], done, "stop"
            return
        kept = 0 if reason else max(begun(held, stop) for stop in stops)
        said, held = held[: len(held) - kept], held[len(held) - kept :]
        if said or reason:
            yield said, done, reason


def begun(text: str, stop: str) -> int:
    """How many signs at the end of `text` are the beginning of `stop`."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)
