"""Talking to a served model through its OpenAI-compatible API, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wizard.errors import ExitCode, WizardError

SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    url: str  # http://127.0.0.1:PORT/v1
    model: str
    engine: str
    key: str = field(repr=False)
    header_file: Path

    def curl(self, question: str) -> str:
        """A line that works when pasted; the key stays in its file, out of the shell's history and of argv."""
        body = json.dumps(
            {"model": self.model, "messages": [{"role": "user", "content": question}]}, ensure_ascii=False
        )
        return (
            f"curl -s {self.url}/chat/completions -H @{shlex.quote(str(self.header_file))}"
            f" -H 'Content-Type: application/json' -d {shlex.quote(body)}"
        )


def stream(endpoint: Endpoint, messages: Sequence[Mapping[str, str]], **options: Any) -> Iterator[str]:
    """Pieces of the answer as they come. `options`: further keys of the request, such as temperature."""
    parts = urlsplit(endpoint.url)
    body = json.dumps({"model": endpoint.model, "messages": list(messages), "stream": True, **options})
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=SECONDS)
    headers = {"Authorization": f"Bearer {endpoint.key}", "Content-Type": "application/json"}
    try:
        connection.request("POST", f"{parts.path}/chat/completions", body.encode(), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise _refused(response.status, response.read(2000).decode(errors="replace"))
        yield from _pieces(response)
    except (OSError, http.client.HTTPException) as error:
        raise WizardError(
            "endpoint-unreachable", endpoint=endpoint.url, error=str(error), exit_code=ExitCode.FAILED
        ) from error
    finally:
        connection.close()


def _refused(status: int, text: str) -> WizardError:
    code = "endpoint-wrong-key" if status == 401 else "endpoint-refused"
    return WizardError(code, status=status, answer=text[:300], exit_code=ExitCode.FAILED)


def _pieces(response: http.client.HTTPResponse) -> Iterator[str]:
    for line in response:
        data = line.strip().removeprefix(b"data:").strip()
        if not data or data == b"[DONE]":
            continue
        event = json.loads(data)
        if "error" in event:
            raise _refused(response.status, json.dumps(event["error"]))
        for choice in event.get("choices", ()):
            if piece := choice.get("delta", {}).get("content"):
                yield piece
