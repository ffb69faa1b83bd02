"""Several answers to a question, and which of them is better: by a mark, by ranks or by scores."""

from __future__ import annotations

from typing import Any

from wizard.data.shape.asking import answer_of, cell, opening
from wizard.data.shape.columns import COMMON
from wizard.data.shape.example import Example
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row
from wizard.data.shape.media import Media
from wizard.data.shape.values import listed, number_of, truth_of
from wizard.data.shape.weighing import ASKED, TASKS, weighed

FIRST = ("response_0", "response_a", "answer_0", "answer_a", "conversation_a")
SECOND = ("response_1", "response_b", "answer_1", "answer_b", "conversation_b")
CHOICE = ("better_response_id", "preference", "choice", "winner", "label")
SIDES = {"model_a": False, "a": False, "model_b": True, "b": True}


def chosen_by_mark(row: Row, mapping: Roles) -> Example:
    """Two answers and which of them is better: 0 or a, 1 or b."""
    mark = cell(row, mapping, "choice")
    second = SIDES.get(str(mark).strip().lower(), truth_of(mark))
    if second is None:
        raise Refused("bad-label", found=str(mark)[:40])
    sides = [cell(row, mapping, role) for role in ("first", "second")]
    return _between(row, mapping, *(reversed(sides) if second else sides))


def ranked(row: Row, mapping: Roles) -> Example:
    """Several answers with ranks (1 is best) or scores (more is better): the best and the worst."""
    key = "rank" if all("rank" in each for each in _ranking(row, mapping)) else "score"
    answers = [(number_of(each.get(key)), each) for each in _ranking(row, mapping)]
    if len(answers) < 2 or any(place is None for place, _ in answers):
        raise Refused("bad-ranking", field=mapping["ranked"])
    order = [each for _, each in sorted(answers, key=lambda answer: answer[0] or 0, reverse=key == "score")]
    return _between(row, mapping, order[0], order[-1])


def _between(row: Row, mapping: Roles, better: Any, worse: Any) -> Example:
    media: Media = {}
    asked = opening(row, mapping, media, "context", "question") if mapping.get("question") else []
    return weighed(row, mapping, media, asked, answer_of(better, mapping, media), answer_of(worse, mapping, {}))


def _ranking(row: Row, mapping: Roles) -> list[dict[str, Any]]:
    """The answers as objects that tell a rank or a score; nothing where they do not."""
    answers = listed(row.get(mapping["ranked"])) or []
    told = all(isinstance(each, dict) and ("rank" in each or "score" in each) for each in answers)
    return answers if told else []


def _is_ranked(row: Row, mapping: Roles) -> bool:
    return bool(_ranking(row, mapping))


def _marked(row: Row, mapping: Roles) -> bool:
    mark = row[mapping["choice"]]
    return str(mark).strip().lower() in SIDES or truth_of(mark) is not None or str(mark).startswith("tie")


CHOICES = (
    Format(
        id="choice",
        kind="preference",
        tasks=TASKS,
        fields={"first": FIRST, "second": SECOND, "choice": CHOICE, **ASKED, **COMMON},
        required=("first", "second", "choice"),
        fits=_marked,
        convert=chosen_by_mark,
    ),
    Format(
        id="ranked",
        kind="preference",
        tasks=TASKS,
        fields={"ranked": ("answers", "responses", "completions", "candidates"), **ASKED, **COMMON},
        required=("question", "ranked"),
        fits=_is_ranked,
        convert=ranked,
    ),
)
