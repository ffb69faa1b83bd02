"""What a trained model answers with, by the recipe's `trainer`: it writes, unless it is named here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHAT = "chat"
MARK = " -> "  # on a line that holds both, between a question and the answer that is judged
HEADS = {"classification": "score", "reward": "judge", "reranker": "rerank", "embedding": "embedding"}


def writes(trainer: str) -> bool:
    """Whether its models write texts, and read nothing but texts."""
    return trainer not in HEADS and trainer != "vision"


def pair_of(line: str) -> list[dict[str, str]]:
    """The turns that are judged; of a line without an answer the question alone."""
    question, _, answer = line.partition(MARK)
    turns = [{"role": "user", "content": question}]
    return [*turns, {"role": "assistant", "content": answer}] if answer else turns


def head_of(spec: Mapping[str, Any]) -> str:
    """`spec`: of a merge or serve stage."""
    return HEADS.get(spec.get("trainer", ""), CHAT)
