"""What every server of ours has around its answers: the key, health, metrics, the list of models, refusals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

from wizard.stages.guard import Guard
from wizard.stages.refusing import Refusal

REQUESTS = Counter("ycdy_requests", "Chat completions asked for", ["outcome"])
PROMPT_TOKENS = Counter("ycdy_prompt_tokens", "Tokens read")
ANSWER_TOKENS = Counter("ycdy_generation_tokens", "Tokens written")
RUNNING = Gauge("ycdy_requests_running", "Answers being written or waiting for their turn")


def framed(model: Any, names: Sequence[str] = ()) -> FastAPI:
    """What every server has, behind the key: `model` has a name and a context. `names`: what it is listed as."""
    card = {"object": "model", "created": int(time.time()), "owned_by": "yichuidingyin", "max_model_len": model.context}

    listed = {name: {"id": name, **card} for name in names or (model.name,)}

    def models() -> dict[str, Any]:
        return {"object": "list", "data": list(listed.values())}

    def one(name: str) -> dict[str, Any]:
        if name not in listed:
            raise Refusal(404, f"The model `{name}` does not exist; this server serves {', '.join(listed)}.")
        return listed[name]

    app = FastAPI()
    app.add_middleware(Guard)
    app.add_exception_handler(Refusal, refused)
    app.add_api_route("/health", health)
    app.add_api_route("/metrics", metrics)
    app.add_api_route("/v1/models", models)
    app.add_api_route("/v1/models/{name:path}", one)
    return app


def health() -> dict[str, str]:
    return {"status": "ok"}


def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def refused(request: Request, error: Refusal) -> JSONResponse:
    REQUESTS.labels("refused").inc()
    body = {"message": str(error), "type": "invalid_request_error", "param": None, "code": error.status}
    return JSONResponse({"error": body}, error.status)
