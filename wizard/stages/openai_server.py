"""An OpenAI-compatible server on plain transformers, for machines where no vLLM runs: chat, texts, models, metrics.

VLLM_API_KEY=secret python -m wizard.stages.openai_server --model FOLDER --name me --port 8000
curl -H 'Authorization: Bearer secret' http://127.0.0.1:8000/v1/models
"""

from __future__ import annotations

import argparse
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse

from wizard.contract import CHAT, HEADS
from wizard.stages.completing import completing
from wizard.stages.framing import framed
from wizard.stages.refusing import Refusal
from wizard.stages.replying import DONE, event, known, room_of, runs_of, usage_of, wants_usage
from wizard.stages.wishes import Piece

if TYPE_CHECKING:
    from wizard.stages.speaking import Model


def make_app(model: Model) -> FastAPI:
    def chat(asked: dict[str, Any]) -> Response:
        return answered(model, asked)

    app = framed(model, model.voices.names)
    app.add_api_route("/v1/chat/completions", chat, methods=["POST"], response_model=None)
    app.add_api_route("/v1/completions", completing(model), methods=["POST"], response_model=None)
    return app


def answered(model: Model, asked: dict[str, Any]) -> Response:
    known(model, asked)
    prompt = prompt_of(model, asked)
    runs = runs_of(model, prompt, room_of(model, prompt, asked), asked)
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": asked.get("model") or model.name,
    }
    if asked.get("stream"):
        return StreamingResponse(chunks(head, runs, len(prompt), wants_usage(asked)), media_type="text/event-stream")
    written = [list(run) for run in runs]
    choices = [
        {
            "index": place,
            "message": {"role": "assistant", "content": "".join(text for text, _, _ in run)},
            "finish_reason": run[-1][2],
        }
        for place, run in enumerate(written)
    ]
    usage = usage_of(len(prompt), sum(run[-1][1] for run in written))
    seen = {"prompt_token_ids": prompt} if asked.get("return_token_ids") else {}
    return JSONResponse({**head, "object": "chat.completion", "choices": choices, "usage": usage, **seen})


def prompt_of(model: Model, asked: dict[str, Any]) -> list[int]:
    try:
        return model.prompt(asked["messages"], asked.get("tools"))
    except Refusal:
        raise
    except Exception as error:
        raise Refusal(400, f"The messages do not fit the chat template: {error}") from error


def chunks(head: dict[str, Any], runs: Sequence[Iterator[Piece]], prompt: int, usage: bool) -> Iterator[str]:
    body = {**head, "object": "chat.completion.chunk"}
    total = 0
    for place, run in enumerate(runs):
        delta: dict[str, str] = {"role": "assistant", "content": ""}
        yield event({**body, "choices": [{"index": place, "delta": delta, "finish_reason": None}]})
        piece: Piece = ("", 0, None)
        for piece in run:
            delta = {"content": piece[0]} if piece[0] else {}
            yield event({**body, "choices": [{"index": place, "delta": delta, "finish_reason": piece[2]}]})
        total += piece[1]
    if usage:
        yield event({**body, "choices": [], "usage": usage_of(prompt, total)})
    yield DONE


def app_of(head: str, told: tuple[str, str, str, int]) -> FastAPI:
    if head == CHAT:
        from wizard.stages import onlooking, speaking

        load = onlooking.load if onlooking.sees(Path(told[0])) else speaking.load
        return make_app(load(*told))
    from wizard.stages import scoring, scoring_server

    if head == "embedding":
        return scoring_server.embedding_app(scoring.encoder(*told))
    made = scoring_server.reranking_app if head == "rerank" else scoring_server.scoring_app
    return made(scoring.scorer(*told, templated=head != "rerank"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--head", default=CHAT, choices=(CHAT, *dict.fromkeys(HEADS.values())))
    options = parser.parse_args()
    import uvicorn

    app = app_of(options.head, (options.model, options.name, options.dtype, options.context))
    uvicorn.run(app, host=options.host, port=options.port, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
