"""Questions that the model is to answer while it is trained (GRPO, RLOO, distillation): `prompt` stays messages, as TRL
renders it for the generation, and `tokens` long.

`prompt` and `extra` are JSON texts, because rows differ in their keys: `unfolded` makes TRL's columns of them.
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
    """A conversation that has its answer is asked without it; what it was is a `solution`, if the row names none."""
    turns, extra = list(example.messages), dict(example.extra)
    if turns and turns[-1]["role"] == "assistant":
        extra.setdefault("solution", turns.pop().get("content"))
    script = Script(talker.text(turns, prompt=True, tools=list(example.tools) or None))
    told = {"prompt": turns, "extra": extra, "tools": list(example.tools)}
    return Drafts([Draft((script,), {name: json.dumps(value, ensure_ascii=False) for name, value in told.items()})])


def rows(draft: Draft, tokens: Sequence[Tokens], limit: int) -> Made:
    length = len(tokens[0].ids)
    return "prompt-too-long" if length > limit else [Row({**draft.values, "tokens": length}, length, 0, length)]


def unfolded(row: Mapping[str, str]) -> dict[str, Any]:
    """TRL's columns: `prompt` as messages, and each further column by its name."""
    return {**json.loads(row["extra"]), "prompt": json.loads(row["prompt"])}


KIND = Kind(columns={"prompt": "text", "extra": "text", "tools": "text", "tokens": "number"}, drafts=drafts, rows=rows)
