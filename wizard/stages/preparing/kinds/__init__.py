"""Which columns which task is trained on. A task that is not named here learns conversations and texts."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.stages.preparing.kinds import answers, labels, pictures, prompts, talks, vectors
from wizard.stages.preparing.kinds.kind import Column, Draft, Drafts, Kind, Made, Row

KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("dpo", "orpo", "simpo", "cpo", "reward"), answers.PAIRS),
    "kto": answers.KTO,
    **dict.fromkeys(("grpo", "rloo", "distil"), prompts.KIND),
    "cls": labels.KIND,
    "vision": pictures.KIND,
    **dict.fromkeys(("embedding", "reranker"), vectors.KIND),
}


def kind_of(task: str) -> Kind:
    return KINDS.get(task, talks.KIND)


__all__ = ["KINDS", "Column", "Draft", "Drafts", "Kind", "Made", "Row", "kind_of"]
