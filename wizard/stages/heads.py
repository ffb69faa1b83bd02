"""What a served model answers to each question, whatever it answers with."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.contract import pair_of
from wizard.stages.client import Client


def answers(client: Client, head: str, questions: Sequence[str], texts: Sequence[str]) -> list[str]:
    """To each question, by the endpoint: its class, what its answer is worth, or of `texts` the one that is nearest."""
    if head == "score":
        found = client.post("/classify", input=list(questions))["data"]
        return [f"{each['label']}  {max(each['probs']):.3f}" for each in found]
    if head == "judge":
        talks = [client.post("/classify", messages=pair_of(question))["data"][0] for question in questions]
        return [f"{each['probs'][0]:.3f}" for each in talks]
    if not texts:
        return []
    if head == "rerank":
        ranked = [client.post("/rerank", query=question, documents=list(texts)) for question in questions]
        return [str(each["results"][0]["document"]["text"]) for each in ranked]
    told = client.post("/embeddings", input=[*questions, *texts])["data"]
    vectors = [each["embedding"] for each in told]
    known = vectors[len(questions) :]
    asked = vectors[: len(questions)]
    return [max(zip(known, texts, strict=True), key=lambda each: dot(vector, each[0]))[1] for vector in asked]


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(left * right for left, right in zip(one, other, strict=True))
