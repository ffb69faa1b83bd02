"""The gate of a served model: every route but /health wants the key, whatever the engine itself leaves open."""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY_VARIABLE = "VLLM_API_KEY"
REFUSAL = b'{"error": {"message": "Missing or wrong key", "type": "unauthorized", "code": 401}}'


class Guard:
    """Pure ASGI, so that streams pass through untouched; vLLM loads it with --middleware."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.expected = b"Bearer " + os.environ[KEY_VARIABLE].encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self.is_health(scope) or self.has_key(scope):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSAL})

    def is_health(self, scope: Scope) -> bool:
        return scope["type"] == "http" and scope["path"] == "/health" and scope["method"] in ("GET", "HEAD")

    def has_key(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], self.expected)
