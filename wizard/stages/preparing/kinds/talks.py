"""Conversations and texts to read on: `input_ids` and `labels`, which TRL's SFTTrainer takes as they are."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.data.shape import Example
from wizard.stages.preparing.kinds.kind import Draft, Drafts, Kind, Made, Row
from wizard.stages.preparing.scripts import Script, scripts
from wizard.stages.preparing.tokens import IGNORED, Tokens
from wizard.stages.template import Talker


def drafts(talker: Talker, example: Example) -> Drafts:
    if [message["role"] for message in example.messages] == ["assistant"]:
        return Drafts([Draft((Script(example.messages[0]["content"], bare=True, ended=True),))])
    told = scripts(talker, example.messages, example.tools)
    return Drafts([Draft((script,)) for script in told.scripts], told.missed)


def rows(draft: Draft, tokens: Sequence[Tokens], limit: int) -> Made:
    """A long text goes on in the next row, a long conversation is cut."""
    (whole,) = tokens
    length = len(whole.ids)
    if draft.scripts[0].bare:
        return [_row(whole, start, start + limit, min(limit, length - start)) for start in range(0, length, limit)]
    row = _row(whole, 0, limit, length)
    return [row] if row.learnt else "answer-cut-off" if length > limit else "nothing-to-learn"


def _row(tokens: Tokens, start: int, end: int, length: int) -> Row:
    ids, labels = tokens.ids[start:end], tokens.labels[start:end]
    return Row({"input_ids": ids, "labels": labels}, len(ids), int((labels != IGNORED).sum()), length)


KIND = Kind(columns={"input_ids": "ids", "labels": "ids"}, drafts=drafts, rows=rows)
