"""One request of a benchmark: what is asked, and when each piece of the answer came."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from wizard.contract import CHAT, MARK, pair_of
from wizard.errors import WizardError
from wizard.session import chat
from wizard.session.using.bench.figures import Asked
from wizard.session.using.snippets import route_of

WORDS = ("river", "window", "letter", "garden", "bridge", "silver", "morning", "paper", "winter", "doctor", "market")
Ended = Callable[[], bool]


def text_of(words: int, seed: int) -> str:
    """Of its own for each request: a server that has read the beginning before would not read it again."""
    dice = random.Random(seed)
    return " ".join([str(dice.randrange(10**6)), *dice.choices(WORDS, k=max(1, words))])


def written(endpoint: chat.Endpoint, text: str, tokens: int, ended: Ended = lambda: False) -> Asked:
    """A streamed answer of `tokens` tokens; they are counted by the server. A server that knows no `ignore_eos`
    may write fewer."""
    began = first = last = time.perf_counter()
    gaps: list[float] = []
    pieces = 0
    usage: Mapping[str, Any] = {}
    body = {
        "messages": [{"role": "user", "content": text}],
        "max_tokens": tokens,
        "temperature": 0,
        "ignore_eos": True,
        "stream_options": {"include_usage": True},
    }
    try:
        for event in chat.events(endpoint, body):
            now = time.perf_counter()
            usage = event.get("usage") or usage
            if any(_says(choice.get("delta", {})) for choice in event.get("choices", ())):
                if pieces:
                    gaps.append(now - last)
                else:
                    first = now
                pieces, last = pieces + 1, now
            if ended():
                break
    except WizardError as error:
        return Asked(began=began, ended=time.perf_counter(), problem=error.problem)
    return Asked(
        began=began,
        ended=time.perf_counter(),
        first=first if pieces else time.perf_counter(),
        gaps=tuple(gaps),
        read=int(usage.get("prompt_tokens", 0)),
        written=int(usage.get("completion_tokens", pieces)),
    )


def _says(delta: Mapping[str, Any]) -> bool:
    return any(delta.get(name) for name in ("content", "reasoning_content", "reasoning", "tool_calls"))


def answered(endpoint: chat.Endpoint, text: str, head: str) -> Asked:
    """By a model that does not write: its answer comes whole."""
    began = time.perf_counter()
    what: dict[str, Any] = {"query": text, "documents": [text]} if head == "rerank" else {"input": [text]}
    what = {"messages": pair_of(f"{text}{MARK}{text}")} if head == "judge" else what
    try:
        found = chat.told(endpoint, "POST", f"/{route_of(head)}", {"model": endpoint.model, **what})
    except WizardError as error:
        return Asked(began=began, ended=time.perf_counter(), problem=error.problem)
    ended = time.perf_counter()
    usage = found.get("usage") or {}
    read = int(usage.get("prompt_tokens") or usage.get("total_tokens") or 0)
    return Asked(began=began, ended=ended, first=ended, read=read)


def ask(endpoint: chat.Endpoint, head: str, text: str, tokens: int, ended: Ended = lambda: False) -> Asked:
    return written(endpoint, text, tokens, ended) if head == CHAT else answered(endpoint, text, head)
