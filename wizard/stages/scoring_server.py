"""What is served of models that do not write, by the routes that their clients know: /v1/embeddings of OpenAI,
/v1/rerank of Jina and Cohere, /classify of vLLM."""

from __future__ import annotations

import base64
import math
import struct
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jinja2
from fastapi import FastAPI

from wizard.stages.framing import PROMPT_TOKENS, REQUESTS, RUNNING, framed
from wizard.stages.refusing import Refusal
from wizard.stages.training.reranker import as_one

if TYPE_CHECKING:
    from wizard.stages.scoring import Encoder, Scorer

MOST_TEXTS = 2048
Asked = dict[str, Any]


def embedding_app(model: Encoder) -> FastAPI:
    def embeddings(asked: Asked) -> Asked:
        texts = texts_of(asked, "input")
        plain = asked.get("encoding_format", "float") != "base64"
        with told(model, asked, texts) as read:
            vectors = [vector if plain else packed(vector) for vector in model.vectors(texts)]
        data = [{"object": "embedding", "index": place, "embedding": each} for place, each in enumerate(vectors)]
        return {"object": "list", "model": model.name, "data": data, "usage": usage(read.tokens)}

    return served(model, {"/v1/embeddings": embeddings})


def scoring_app(model: Scorer) -> FastAPI:
    def classify(asked: Asked) -> Asked:
        with told(model, asked, talks_of(asked)) as read:
            found = [model.classes(scores) for scores in model.scores(read.rows)]
        data = [
            {
                "index": place,
                "label": max(classes, key=lambda each: each[1])[0],
                "labels": [name for name, _ in classes],
                "probs": [chance for _, chance in classes],
                "num_classes": len(classes),
            }
            for place, classes in enumerate(found)
        ]
        return {**head("classify", model.name), "object": "list", "data": data, "usage": usage(read.tokens)}

    return served(model, {"/classify": classify, "/v1/classify": classify})


def reranking_app(model: Scorer) -> FastAPI:
    def rerank(asked: Asked) -> Asked:
        query, texts = asked.get("query"), texts_of(asked, "documents")
        if not isinstance(query, str) or not query:
            raise Refusal(400, "`query` is to be a text.")
        with told(model, asked, [as_one(query, text) for text in texts]) as read:
            scores = [sigmoid(row[0]) for row in model.scores(read.rows)]
        order = sorted(range(len(texts)), key=lambda place: -scores[place])[: asked.get("top_n") or len(texts)]
        results = [
            {"index": place, "relevance_score": scores[place], "document": {"text": texts[place]}} for place in order
        ]
        return {**head("rerank", model.name), "results": results, "usage": usage(read.tokens)}

    return served(model, {"/v1/rerank": rerank, "/rerank": rerank})


def served(model: Any, routes: dict[str, Callable[[Asked], Asked]]) -> FastAPI:
    app = framed(model)
    for path, answer in routes.items():
        app.add_api_route(path, answer, methods=["POST"])
    return app


def texts_of(asked: Asked, name: str) -> list[str]:
    given = asked.get(name)
    texts = [given] if isinstance(given, str) else given
    texts = [each.get("text") if isinstance(each, dict) else each for each in texts] if isinstance(texts, list) else []
    if not 0 < len(texts) <= MOST_TEXTS or not all(isinstance(text, str) for text in texts):
        raise Refusal(400, f"`{name}` is to be a text, or a list of 1 to {MOST_TEXTS} of them.")
    return texts


def talks_of(asked: Asked) -> list[Any]:
    """Texts, or one conversation as `messages`."""
    messages = asked.get("messages")
    if messages is None:
        return list(texts_of(asked, "input"))
    if not isinstance(messages, list) or not all(
        isinstance(turn, dict) and isinstance(turn.get("content"), str) and "role" in turn for turn in messages
    ):
        raise Refusal(400, "`messages` is to be a list of turns with a role and a text.")
    return [messages]


class told:
    """What is asked as rows of tokens, counted while an answer is made; another model's name is refused before."""

    def __init__(self, model: Any, asked: Asked, texts: Sequence[Any]) -> None:
        if asked.get("model") not in (None, model.name):
            raise Refusal(404, f"The model `{asked['model']}` does not exist; this server serves `{model.name}`.")
        try:
            self.rows = model.read(texts)
        except jinja2.TemplateError as error:
            raise Refusal(400, f"The messages do not fit the chat template: {error}") from error
        self.tokens = sum(map(len, self.rows))

    def __enter__(self) -> told:
        RUNNING.inc()
        PROMPT_TOKENS.inc(self.tokens)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        RUNNING.dec()
        REQUESTS.labels("failed" if kind else "answered").inc()


def head(kind: str, name: str) -> Asked:
    return {"id": f"{kind}-{uuid.uuid4().hex}", "model": name}


def usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def sigmoid(number: float) -> float:
    return 1 / (1 + math.exp(-number)) if number > -700 else 0.0


def packed(vector: Sequence[float]) -> str:
    """As the openai client asks for by itself: little-endian fp32 in base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
