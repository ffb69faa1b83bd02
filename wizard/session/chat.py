"""Talking to a served model through its OpenAI-compatible API, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wizard.errors import ExitCode, WizardError

SECONDS = 300.0
DONE = "[DONE]"
TOO_LONG = re.compile(r"context|too long|max(imum)?[_ ](completion_)?tokens|(input|prompt) length", re.I)
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    url: str  # http://127.0.0.1:PORT/v1
    model: str
    engine: str
    key: str = field(repr=False)
    header_file: Path

    @property
    def key_file(self) -> Path:
        return self.header_file.with_suffix(".key")


def stream(endpoint: Endpoint, messages: Sequence[Message], **options: Any) -> Iterator[str]:
    """Pieces of the answer as they come. `options`: further keys of the request, such as temperature."""
    for event in events(endpoint, {"messages": list(messages), **options}):
        for choice in event.get("choices", ()):
            if piece := choice.get("delta", {}).get("content"):
                yield piece


def events(endpoint: Endpoint, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed chat completion (OpenAI's API reference, "Streaming").

    Raises endpoint-unreachable, endpoint-wrong-key, endpoint-broke-off, chat-too-long, chat-picture-refused,
    endpoint-refused.
    """
    with _asked(endpoint, "POST", "/chat/completions", {"model": endpoint.model, "stream": True, **body}) as response:
        for line in response:
            if not line.startswith(b"data:"):
                continue  # a comment that keeps the line warm
            data = line[5:].strip().decode(errors="replace")
            if data == DONE:
                return
            try:
                event = json.loads(data)
            except ValueError:
                break
            if "error" in event:
                raise refused(response.status, json.dumps(event["error"]), body)
            yield event
    # the standard library takes a connection that broke for the end of the answer
    raise WizardError("endpoint-broke-off", endpoint=endpoint.url, exit_code=ExitCode.FAILED)


def told(endpoint: Endpoint, method: str, route: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A whole answer. Raises as `events`."""
    with _asked(endpoint, method, route, body) as response:
        found = json.loads(response.read())
    return found if isinstance(found, dict) else {"data": found}


def names(endpoint: Endpoint) -> tuple[str, ...]:
    """What a request may name as its model."""
    return tuple(str(each["id"]) for each in told(endpoint, "GET", "/models").get("data", ()))


@contextmanager
def _asked(
    endpoint: Endpoint, method: str, route: str, body: Mapping[str, Any] | None
) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=SECONDS)
    headers = {"Authorization": f"Bearer {endpoint.key}", "Content-Type": "application/json"}
    sent = None if body is None else json.dumps(body).encode()
    try:
        connection.request(method, parts.path + route, sent, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise refused(response.status, response.read(2000).decode(errors="replace"), body or {})
        yield response
    except (OSError, http.client.HTTPException, ValueError) as error:
        told = str(error) or type(error).__name__
        raise WizardError(
            "endpoint-unreachable", endpoint=endpoint.url, error=told, exit_code=ExitCode.FAILED
        ) from error
    finally:
        connection.close()


def refused(status: int, text: str, body: Mapping[str, Any]) -> WizardError:
    """By what can be done about it: engines say the same in words of their own."""
    code = "endpoint-wrong-key" if status == 401 else "endpoint-refused"
    if status in (400, 413, 422):
        pictures = any(isinstance(turn.get("content"), list) for turn in body.get("messages", ()))
        code = "chat-too-long" if TOO_LONG.search(text) else "chat-picture-refused" if pictures else code
    elif status == 429:
        code = "endpoint-busy"
    return WizardError(code, status=status, answer=_sentence(text)[:300], exit_code=ExitCode.FAILED)


def _sentence(text: str) -> str:
    """OpenAI's form of an error is {"error": {"message"}}; FastAPI's {"detail"}; some send a bare text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text.strip()
    while isinstance(found, dict):
        found = next((found[name] for name in ("error", "message", "detail") if found.get(name)), str(found))
    return str(found)
