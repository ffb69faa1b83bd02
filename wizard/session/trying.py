"""Trying a served model that does not write: what it says of a text."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from typing import Any

from wizard.contract import pair_of
from wizard.errors import ExitCode, WizardError
from wizard.session.chat import SECONDS, Endpoint

SHOWN = 3
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def tried(endpoint: Endpoint, head: str, text: str, texts: Sequence[str]) -> str:
    """Lines of a number and what it belongs to, the best first: classes by their chance, or which of `texts` are
    nearest (embedding) or answer best (rerank). A head of one output says a number alone."""
    if head in ("score", "judge"):
        asked = {"messages": pair_of(text)} if head == "judge" else {"input": [text]}
        found = _asked(endpoint, "/classify", **asked)["data"][0]
        scores = list(zip(found["probs"], found["labels"], strict=True))
        return f"{scores[0][0]:.3f}" if len(scores) == 1 else _best(scores)
    if head == "rerank":
        results = _asked(endpoint, "/rerank", query=text, documents=list(texts))["results"]
        return _best((each["relevance_score"], texts[each["index"]]) for each in results)
    first, *others = [each["embedding"] for each in _asked(endpoint, "/embeddings", input=[text, *texts])["data"]]
    return _best((_dot(first, other), near) for other, near in zip(others, texts, strict=True))


def _best(scores: Iterable[tuple[float, str]]) -> str:
    ranked = sorted(scores, key=lambda each: -each[0])[:SHOWN]
    return "\n".join(f"{score:.3f}  {' '.join(name.split())}" for score, name in ranked)


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(left * right for left, right in zip(one, other, strict=True))


def _asked(endpoint: Endpoint, route: str, **body: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {endpoint.key}", "Content-Type": "application/json"}
    data = json.dumps({"model": endpoint.model, **body}).encode()
    try:
        with DIRECT.open(urllib.request.Request(endpoint.url + route, data, headers), timeout=SECONDS) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        code = "endpoint-wrong-key" if error.code == 401 else "endpoint-refused"
        told = error.read(300).decode(errors="replace")
        raise WizardError(code, status=error.code, answer=told, exit_code=ExitCode.FAILED) from error
    except (OSError, ValueError) as error:
        told = str(getattr(error, "reason", error))
        raise WizardError(
            "endpoint-unreachable", endpoint=endpoint.url, error=told, exit_code=ExitCode.FAILED
        ) from error
