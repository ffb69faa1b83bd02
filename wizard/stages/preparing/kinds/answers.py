"""Better and worse answers (DPO and its kin) and answers marked good or bad (KTO), with the columns into which TRL's
trainers tokenise: `prompt_ids` and the answers' `…_ids` behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wizard.data.shape import Example
from wizard.data.shape.weighing import last_asked
from wizard.stages.preparing.kinds.kind import Draft, Drafts, Kind, Made, Row
from wizard.stages.preparing.scripts import Script, scripts
from wizard.stages.preparing.tokens import IGNORED, Ids, Tokens
from wizard.stages.template import Message, Talker


def pair_drafts(talker: Talker, example: Example) -> Drafts:
    asked = example.messages[: last_asked(example.messages)]
    sides = (_answered(talker, example, talk) for talk in (example.messages, [*asked, *example.rejected]))
    return _drafted(sides)


def pair_rows(draft: Draft, tokens: Sequence[Tokens], limit: int) -> Made:
    return _split(("chosen_ids", "rejected_ids"), draft, tokens, limit)


def kto_drafts(talker: Talker, example: Example) -> Drafts:
    return _drafted([_answered(talker, example, example.messages)], label=bool(example.label))


def kto_rows(draft: Draft, tokens: Sequence[Tokens], limit: int) -> Made:
    return _split(("completion_ids",), draft, tokens, limit)


def _answered(talker: Talker, example: Example, talk: Sequence[Message]) -> Script | None:
    """What is judged is all behind the last user's turn, calls of tools included."""
    start = last_asked(example.messages)
    told = [{**turn, "loss": number >= start} for number, turn in enumerate(talk)]
    return next(iter(scripts(talker, told, example.tools).scripts[-1:]), None)


def _drafted(sides: Iterable[Script | None], **values: Any) -> Drafts:
    return Drafts([Draft(tuple(side for side in sides if side is not None), values)])


def _split(names: Sequence[str], draft: Draft, tokens: Sequence[Tokens], limit: int) -> Made:
    if len(tokens) < len(names) or any(not (side.labels != IGNORED).any() for side in tokens):
        return "nothing-to-learn"
    start = min(_common(tokens), *(_first(side.labels) for side in tokens))
    if start >= limit:
        return "answer-cut-off"
    answers = {name: side.ids[start:limit] for name, side in zip(names, tokens, strict=True)}
    learnt = sum(map(len, answers.values()))
    columns = {"prompt_ids": tokens[0].ids[:start], **answers, **draft.values}
    return [Row(columns, start + learnt, learnt, max(len(side.ids) for side in tokens))]


def _common(tokens: Sequence[Tokens]) -> int:
    """Tokens with which all sides begin: where a template rewrites earlier turns, fewer than those not learnt."""
    places = enumerate(zip(*(side.ids.tolist() for side in tokens), strict=False))
    return next((place for place, ids in places if len(set(ids)) > 1), min(len(side.ids) for side in tokens))


def _first(labels: Ids) -> int:
    return int((labels != IGNORED).argmax())


PAIRS = Kind(
    columns={"prompt_ids": "ids", "chosen_ids": "ids", "rejected_ids": "ids"}, drafts=pair_drafts, rows=pair_rows
)
KTO = Kind(columns={"prompt_ids": "ids", "completion_ids": "ids", "label": "flag"}, drafts=kto_drafts, rows=kto_rows)
