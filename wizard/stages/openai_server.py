"""An OpenAI-compatible server on plain transformers, for machines where no vLLM runs: chat, models, health, metrics.

VLLM_API_KEY=secret python -m wizard.stages.openai_server --model FOLDER --name me --port 8000
curl -H 'Authorization: Bearer secret' http://127.0.0.1:8000/v1/models
"""

from __future__ import annotations

import argparse
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse

from wizard.stages.framing import ANSWER_TOKENS, PROMPT_TOKENS, REQUESTS, RUNNING, framed
from wizard.stages.heads import CHAT, HEADS
from wizard.stages.refusing import Refusal

if TYPE_CHECKING:
    from wizard.stages.speaking import Model


def make_app(model: Model) -> FastAPI:
    def chat(asked: dict[str, Any]) -> Response:
        return answered(model, asked)

    app = framed(model, model.voices.names)
    app.add_api_route("/v1/chat/completions", chat, methods=["POST"], response_model=None)
    return app


def answered(model: Model, asked: dict[str, Any]) -> Response:
    prompt = prompt_of(model, asked)
    room = model.context - len(prompt)
    limit = asked.get("max_completion_tokens") or asked.get("max_tokens") or room
    if not isinstance(limit, int) or limit < 1 or room < 1 or limit > room:
        raise Refusal(400, f"This model's context is {model.context} tokens; {len(prompt)} are taken by the messages.")
    name = asked.get("model") or model.name
    head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": name}
    PROMPT_TOKENS.inc(len(prompt))
    pieces = counted(model.pieces(prompt, limit, asked))
    if asked.get("stream"):
        usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(chunks(head, pieces, len(prompt), usage), media_type="text/event-stream")
    written = list(pieces)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "".join(text for text, _, _ in written)},
        "finish_reason": written[-1][2],
    }
    usage_body = usage_of(len(prompt), written[-1][1])
    seen = {"prompt_token_ids": prompt} if asked.get("return_token_ids") else {}
    return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage_body, **seen})


def prompt_of(model: Model, asked: dict[str, Any]) -> list[int]:
    if asked.get("model") not in (None, *model.voices.names):
        served = ", ".join(f"`{name}`" for name in model.voices.names)
        raise Refusal(404, f"The model `{asked['model']}` does not exist; this server serves {served}.")
    try:
        return model.prompt(asked["messages"], asked.get("tools"))
    except Refusal:
        raise
    except Exception as error:
        raise Refusal(400, f"The messages do not fit the chat template: {error}") from error


def counted(pieces: Iterator[tuple[str, int, str | None]]) -> Iterator[tuple[str, int, str | None]]:
    done = 0
    with RUNNING.track_inprogress():
        for piece in pieces:
            done = piece[1]
            yield piece
    ANSWER_TOKENS.inc(done)
    REQUESTS.labels("answered").inc()


def chunks(
    head: dict[str, Any], pieces: Iterator[tuple[str, int, str | None]], prompt: int, usage: bool
) -> Iterator[str]:
    body = {**head, "object": "chat.completion.chunk"}
    delta: dict[str, str] = {"role": "assistant", "content": ""}
    yield event({**body, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    done = 0
    for text, written, reason in pieces:
        done, delta = written, {"content": text} if text else {}
        yield event({**body, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
    if usage:
        yield event({**body, "choices": [], "usage": usage_of(prompt, done)})
    yield "data: [DONE]\n\n"


def usage_of(prompt: int, done: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": done, "total_tokens": prompt + done}


def event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def app_of(head: str, told: tuple[str, str, str, int]) -> FastAPI:
    if head == CHAT:
        from wizard.stages import onlooking, speaking

        load = onlooking.load if onlooking.sees(Path(told[0])) else speaking.load
        return make_app(load(*told))
    from wizard.stages import scoring, scoring_server

    if head == "embedding":
        return scoring_server.embedding_app(scoring.encoder(*told))
    made = scoring_server.scoring_app if head == "score" else scoring_server.reranking_app
    return made(scoring.scorer(*told, templated=head == "score"))


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
