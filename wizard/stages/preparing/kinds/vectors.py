"""Texts that are near or far, for embedding models and rerankers: sentence-transformers reads texts, not tokens.

One row a positive: `anchor`, `positive`, `negatives`; `label` is a JSON text, null where the row has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wizard.data.shape import Example
from wizard.stages.preparing.kinds.kind import Draft, Drafts, Kind, Made, Row
from wizard.stages.preparing.scripts import Script
from wizard.stages.preparing.tokens import Tokens
from wizard.stages.template import Talker


def drafts(talker: Talker, example: Example) -> Drafts:
    anchor, negatives = _said(example.messages), [_said(talk) for talk in example.negatives]
    label = json.dumps(example.label)
    found = [
        Draft(
            tuple(Script(text) for text in (anchor, positive, *negatives)),
            {"anchor": anchor, "positive": positive, "negatives": negatives, "label": label},
        )
        for positive in map(_said, example.positives)
    ]
    return Drafts(found)


def rows(draft: Draft, tokens: Sequence[Tokens], limit: int) -> Made:
    lengths = [len(each.ids) for each in tokens]
    return [Row(draft.values, sum(min(length, limit) for length in lengths), 1, max(lengths))]


def _said(talk: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(str(turn.get("content") or "") for turn in talk)


KIND = Kind(
    columns={"anchor": "text", "positive": "text", "negatives": "texts", "label": "text"}, drafts=drafts, rows=rows
)
