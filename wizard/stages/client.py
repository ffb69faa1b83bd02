"""Asks an OpenAI-compatible endpoint, with the standard library alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

HEALTH_SECONDS = 5
ANSWER_SECONDS = 600
UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # half of a character: its other bytes come with the next token
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, kw_only=True)
class Client:
    url: str  # ends in /v1
    model: str
    key: str

    def healthy(self) -> bool:
        try:
            with DIRECT.open(self.url.removesuffix("/v1") + "/health", timeout=HEALTH_SECONDS) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError, ValueError):
            return False

    def ask(self, question: str, max_tokens: int) -> str:
        """The greedy answer."""
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": question}],
            "max_tokens": max_tokens,
            "temperature": 0,
        }
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/chat/completions", json.dumps(body).encode(), headers)
        with DIRECT.open(request, timeout=ANSWER_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
        return said(str(found["choices"][0]["message"]["content"] or ""))


def said(text: str) -> str:
    """An answer without the half of a character that is left where it was cut."""
    return text.strip().rstrip(UNFINISHED).rstrip()
