"""/v1/completions: texts gone on with, without a chat template."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse, Response, StreamingResponse

from wizard.stages.refusing import Refusal
from wizard.stages.replying import DONE, event, known, room_of, runs_of, usage_of, wants_usage
from wizard.stages.wishes import Piece

if TYPE_CHECKING:
    from wizard.stages.speaking import Model

USUAL, MOST_PROMPTS = 16, 64  # tokens of an answer, as OpenAI's API has it


def completing(model: Model) -> Callable[[dict[str, Any]], Response]:
    def complete(asked: dict[str, Any]) -> Response:
        known(model, asked)
        prompts = prompts_of(model, asked.get("prompt"))
        rooms = [room_of(model, prompt, asked, USUAL) for prompt in prompts]
        runs = [run for at, prompt in enumerate(prompts) for run in runs_of(model, prompt, rooms[at], asked)]
        head = {"id": f"cmpl-{uuid.uuid4().hex}", "created": int(time.time()), "object": "text_completion"}
        head["model"] = asked.get("model") or model.name
        read = sum(map(len, prompts))
        if asked.get("stream"):
            return StreamingResponse(chunks(head, runs, read, wants_usage(asked)), media_type="text/event-stream")
        written = [list(run) for run in runs]
        choices = [choice(place, "".join(p[0] for p in run), run[-1][2]) for place, run in enumerate(written)]
        return JSONResponse({**head, "choices": choices, "usage": usage_of(read, sum(run[-1][1] for run in written))})

    return complete


def prompts_of(model: Model, given: Any) -> list[list[int]]:
    """A text, tokens, or a list of either."""
    one = isinstance(given, str) or (isinstance(given, list) and all(isinstance(token, int) for token in given))
    whole = [given] if one else given
    if not isinstance(whole, list) or not 0 < len(whole) <= MOST_PROMPTS:
        raise Refusal(400, f"`prompt` is to be a text, or a list of 1 to {MOST_PROMPTS} of them.")
    return [tokens_of(model, each) for each in whole]


def tokens_of(model: Model, given: Any) -> list[int]:
    if isinstance(given, str):
        found = model.tokenizer(given)["input_ids"]
    else:
        found = given if isinstance(given, list) and all(isinstance(token, int) for token in given) else []
    if not found or not all(0 <= token < len(model.tokenizer) for token in found):
        raise Refusal(400, "`prompt` has a part that is neither a text nor tokens of this model.")
    return list(found)


def choice(place: int, text: str, reason: str | None) -> dict[str, Any]:
    return {"index": place, "text": text, "finish_reason": reason, "logprobs": None}


def chunks(head: dict[str, Any], runs: Sequence[Iterator[Piece]], read: int, usage: bool) -> Iterator[str]:
    total = 0
    for place, run in enumerate(runs):
        piece: Piece = ("", 0, None)
        for piece in run:
            yield event({**head, "choices": [choice(place, piece[0], piece[2])]})
        total += piece[1]
    if usage:
        yield event({**head, "choices": [], "usage": usage_of(read, total)})
    yield DONE
