"""Asks an OpenAI-compatible endpoint, with the standard library alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HEALTH_SECONDS = 5
ANSWER_SECONDS = 600
UNFINISHED = "\N{REPLACEMENT CHARACTER}"  # half of a character: its other bytes come with the next token
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Untold(Exception):
    """This server does not say what tokens a model read: LMDeploy 0.18 and SGLang 0.5 do not."""


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
        """The greedy answer. A model's own generation_config may ask for a penalty, which would change it."""
        return said(text_of(self.reply(question, max_tokens)["message"]))

    def reply(self, question: str, max_tokens: int) -> dict[str, Any]:
        """{"message", "finish_reason", ...}"""
        asked = [{"role": "user", "content": question}]
        found = self.chat(messages=asked, max_tokens=max_tokens, repetition_penalty=1.0)
        choice: dict[str, Any] = found["choices"][0]
        return choice

    def prompt_ids(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None) -> list[int]:
        """What the model reads when it is asked this, as the server itself tells; nothing where it refuses to. Raises
        Untold where it never does."""
        more = {"tools": list(tools), "tool_choice": "none"} if tools else {}
        try:
            found = self.chat(messages=as_sent(messages), max_tokens=1, return_token_ids=True, **more)
        except urllib.error.HTTPError as error:
            if error.code != 400:
                raise
            return []
        if found.get("prompt_token_ids") is None:
            raise Untold
        return [int(token) for token in found["prompt_token_ids"]]

    def chat(self, **asked: Any) -> dict[str, Any]:
        return self.post("/chat/completions", temperature=0, **asked)

    def post(self, route: str, /, **asked: Any) -> dict[str, Any]:
        """`route`: below /v1."""
        body = {"model": self.model, **asked}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{route}", json.dumps(body).encode(), headers)
        with DIRECT.open(request, timeout=ANSWER_SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def as_sent(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """In OpenAI's form, where the arguments of a call are a text."""
    sent = [dict(turn) for turn in messages]
    for turn in sent:
        if calls := turn.get("tool_calls"):
            turn["tool_calls"] = [{**call, "function": as_text(call["function"])} for call in calls]
    return sent


def as_text(function: Mapping[str, Any]) -> dict[str, Any]:
    return {**function, "arguments": json.dumps(function["arguments"], ensure_ascii=False)}


def text_of(message: Mapping[str, Any]) -> str:
    """What was said; what was thought, where it came no further."""
    return str(message.get("content") or thought_of(message))


def thought_of(message: Mapping[str, Any]) -> str:
    """Engines have two names for it."""
    return str(message.get("reasoning_content") or message.get("reasoning") or "")


def said(text: str) -> str:
    """An answer without the half of a character that is left where it was cut."""
    return text.strip().rstrip(UNFINISHED).rstrip()
