"""Texts with a label, for classification and regression: `input_ids` and `label`, a JSON text."""

from __future__ import annotations

import json
from collections.abc import Sequence

from wizard.data.shape import Example
from wizard.stages.preparing.kinds.kind import Draft, Drafts, Kind, Made, Row
from wizard.stages.preparing.scripts import Script
from wizard.stages.preparing.tokens import Tokens
from wizard.stages.template import Talker


def drafts(talker: Talker, example: Example) -> Drafts:
    plain = "\n".join(str(turn.get("content") or "") for turn in example.messages)  # of a model that has no template
    text = talker.text(example.messages, tools=list(example.tools) or None) if talker.source else plain
    return Drafts([Draft((Script(text),), {"label": json.dumps(example.label, ensure_ascii=False)})])


def rows(draft: Draft, tokens: Sequence[Tokens], limit: int) -> Made:
    ids = tokens[0].ids
    return [Row({"input_ids": ids[:limit], **draft.values}, min(len(ids), limit), 1, len(ids))]


KIND = Kind(columns={"input_ids": "ids", "label": "text"}, drafts=drafts, rows=rows)
