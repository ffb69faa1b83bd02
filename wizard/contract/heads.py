"""What a trained model answers with, by the recipe's `trainer`: it writes, unless it is named here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHAT = "chat"
HEADS = {"classification": "score", "reward": "score", "reranker": "rerank", "embedding": "embedding"}


def writes(trainer: str) -> bool:
    """Whether its models write texts, and read nothing but texts."""
    return trainer not in HEADS and trainer != "vision"


def head_of(spec: Mapping[str, Any]) -> str:
    """`spec`: of a merge or serve stage."""
    return HEADS.get(spec.get("trainer", ""), CHAT)
