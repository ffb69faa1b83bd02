"""Rows whose columns are the turns: Alpaca (instruction, input, output) and question/answer pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wizard.contract import Rejected
from wizard.data.shape.example import Messages, Talk
from wizard.data.shape.fault import reject
from wizard.data.shape.layout import Format, Row, Shape, normal
from wizard.data.shape.turns import checked
from wizard.data.shape.values import is_blank, listed, text_of

ANSWERS = (
    "answer", "response", "output", "completion", "target", "targets", "answers", "solution", "answer_key", "reply",
    "回答", "答案", "答", "输出", "回复", "content", "text",
)  # fmt: skip
QUESTIONS = (
    "question", "query", "prompt", "input", "instruction", "problem", "问题", "提问", "问", "输入", "指令", "text",
)  # fmt: skip
COMMON = {"system": ("system", "system_prompt", "系统"), "history": ("history", "历史")}


def alpaca(row: Row, mapping: Mapping[str, str]) -> Talk:
    asked = _cell(row, mapping, "instruction")
    given = _cell(row, mapping, "input") if mapping.get("input") in row else ""
    if isinstance(asked, Rejected):
        return asked
    if isinstance(given, Rejected):
        return given
    parts = [part for part in (asked, given) if not is_blank(part)]
    return _talk(row, mapping, "\n".join(parts), "output")


def pair(row: Row, mapping: Mapping[str, str]) -> Talk:
    asked = _cell(row, mapping, "question")
    return asked if isinstance(asked, Rejected) else _talk(row, mapping, asked, "answer")


def _talk(row: Row, mapping: Mapping[str, str], asked: str, answer: str) -> Talk:
    answered = _cell(row, mapping, answer)
    system = _cell(row, mapping, "system") if mapping.get("system") in row else ""
    before = _history(row, mapping)
    if isinstance(answered, Rejected):
        return answered
    if isinstance(system, Rejected):
        return system
    if isinstance(before, Rejected):
        return before
    opening = [] if is_blank(system) else [_turn("system", system)]
    return checked([*opening, *before, _turn("user", asked), _turn("assistant", answered)])


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _cell(row: Row, mapping: Mapping[str, str], role: str) -> str | Rejected:
    column = mapping[role]
    if column not in row:
        return reject("missing-field", field=column)
    value = row[column]
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        value = value[0]
    return text_of(value)


def _history(row: Row, mapping: Mapping[str, str]) -> Messages | Rejected:
    """[[question, answer], …], oldest first."""
    value = row.get(mapping.get("history", ""))
    if value is None or (isinstance(value, str) and is_blank(value)):
        return []
    turns: Messages = []
    for exchange in listed(value) or [None]:
        if not isinstance(exchange, list) or len(exchange) != 2:
            return reject("bad-history") if value else []
        said = [text_of(side) for side in exchange]
        if wrong := next((side for side in said if isinstance(side, Rejected)), None):
            return wrong
        turns += [_turn("user", str(said[0])), _turn("assistant", str(said[1]))]
    return turns


def _filled(row: Row, mapping: Mapping[str, str]) -> bool:
    return True


def _named(shape: Shape, rows: list[Row]) -> Shape:
    """query/response are ms-swift's own names for a pair."""
    swift = normal(shape.mapping["question"]) == "query" and normal(shape.mapping["answer"]) == "response"
    return replace(shape, format="ms-swift" if swift else "qa")


ALPACA = Format(
    id="alpaca",
    kind="messages",
    tasks=("sft",),
    fields={
        "instruction": ("instruction", "指令"),
        "input": ("input", "context", "输入"),
        "output": ("output", *(name for name in ANSWERS if name not in ("output", "text", "content"))),
        **COMMON,
    },
    required=("instruction", "output"),
    fits=_filled,
    convert=alpaca,
)
PAIR = Format(
    id="qa",
    kind="messages",
    tasks=("sft", "grpo"),
    fields={"question": QUESTIONS, "answer": ANSWERS, **COMMON},
    required=("question", "answer"),
    fits=_filled,
    convert=pair,
    refine=_named,
)
