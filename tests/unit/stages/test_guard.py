from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from wizard.stages.guard import Guard

Message = MutableMapping[str, Any]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "right")


async def status(path: str, *given: str, method: str = "GET", kind: str = "http") -> int:
    sent: list[Message] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"authorization", value.encode()) for value in given]
    await Guard(app)({"type": kind, "path": path, "method": method, "headers": headers}, receive, send)
    return int(sent[0].get("status") or sent[0].get("code") or 0)


async def test_the_right_key_opens_and_health_needs_none() -> None:
    assert await status("/v1/models", "Bearer right") == 200
    assert await status("/health") == 200


@pytest.mark.parametrize("given", ["", "right", "Bearer wrong", "Bearer ", "bearer right", "Bearer right "])
async def test_anything_else_is_refused(given: str) -> None:
    assert await status("/metrics", given) == 401


@pytest.mark.parametrize(
    "path", ["/v1/models", "/metrics", "/docs", "/invocations", "/health/", "//health", "/healthz"]
)
async def test_no_path_but_health_itself_is_open(path: str) -> None:
    assert await status(path) == 401


async def test_health_is_open_to_readers_only() -> None:
    assert await status("/health", method="POST") == 401
    assert await status("/v1/models", method="OPTIONS") == 401


async def test_two_keys_at_once_are_refused() -> None:
    assert await status("/v1/models", "Bearer wrong", "Bearer right") == 401


async def test_a_websocket_without_a_key_is_closed() -> None:
    assert await status("/v1/realtime", kind="websocket") == 1008
