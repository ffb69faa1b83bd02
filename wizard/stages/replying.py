"""What chat and plain completions share: a request's model, its room, its answers as they are written, their form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard.stages.framing import ANSWER_TOKENS, PROMPT_TOKENS, REQUESTS, RUNNING
from wizard.stages.refusing import Refusal
from wizard.stages.wishes import Piece, answers_of, each_of, refuse_undone, stops_of, until

if TYPE_CHECKING:
    from wizard.stages.speaking import Model

DONE = "data: [DONE]\n\n"


def known(model: Model, asked: Mapping[str, Any]) -> None:
    """Raises Refusal for another model, and for what this server does not do."""
    if asked.get("model") not in (None, *model.voices.names):
        served = ", ".join(f"`{name}`" for name in model.voices.names)
        raise Refusal(404, f"The model `{asked['model']}` does not exist; this server serves {served}.")
    refuse_undone(asked)


def room_of(model: Model, prompt: Sequence[int], asked: Mapping[str, Any], usual: int | None = None) -> int:
    """The most tokens that may be written; without `usual` all that the context has left."""
    room = model.context - len(prompt)
    limit = asked.get("max_completion_tokens") or asked.get("max_tokens") or min(room, usual or room)
    if not isinstance(limit, int) or limit < 1 or room < 1 or limit > room:
        raise Refusal(400, f"This model's context is {model.context} tokens; {len(prompt)} are taken by the messages.")
    return limit


def runs_of(model: Model, prompt: Sequence[int], limit: int, asked: Mapping[str, Any]) -> list[Iterator[Piece]]:
    """Each answer that is wanted, written as it is read."""
    stops = stops_of(asked)
    PROMPT_TOKENS.inc(len(prompt))
    return [
        counted(until(model.pieces(prompt, limit, each_of(asked, number)), stops))
        for number in range(answers_of(asked))
    ]


def counted(pieces: Iterator[Piece]) -> Iterator[Piece]:
    done = 0
    with RUNNING.track_inprogress():
        for piece in pieces:
            done = piece[1]
            yield piece
    ANSWER_TOKENS.inc(done)
    REQUESTS.labels("answered").inc()


def wants_usage(asked: Mapping[str, Any]) -> bool:
    return bool((asked.get("stream_options") or {}).get("include_usage"))


def usage_of(prompt: int, done: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": done, "total_tokens": prompt + done}


def event(body: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
