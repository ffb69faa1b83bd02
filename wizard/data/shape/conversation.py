"""Rows that hold a list of turns: OpenAI and ms-swift (role/content), ShareGPT (from/value, or pairs)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wizard.contract import Rejected
from wizard.data.shape.example import Messages, Talk
from wizard.data.shape.fault import reject
from wizard.data.shape.layout import Format, Row, Shape
from wizard.data.shape.turns import checked, lone_answer
from wizard.data.shape.values import is_blank, listed, text_of

ROLE_KEYS = ("role", "from", "speaker")
CONTENT_KEYS = ("content", "value", "text")
ROLES = {
    "user": ("user", "human", "用户", "提问者"),
    "assistant": ("assistant", "gpt", "bot", "chatgpt", "model", "ai", "助手", "助理"),
    "system": ("system", "developer", "系统"),
}
ROLE_OF = {spelling: role for role, spellings in ROLES.items() for spelling in spellings}
TOOL_ROLES = (
    "tool", "tool_call", "tool_response", "tool_calls", "function", "function_call", "function_response",
    "observation", "observations", "ipython",
)  # fmt: skip
FIELDS = {
    "messages": ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "对话"),
    "system": ("system", "system_prompt", "系统"),
}


def convert(row: Row, mapping: Mapping[str, str]) -> Talk:
    messages = _turns(row, mapping)
    return messages if isinstance(messages, Rejected) or lone_answer(messages) else checked(messages)


def _turns(row: Row, mapping: Mapping[str, str]) -> Talk:
    turns = listed(row.get(mapping["messages"]))
    if turns is None:
        return reject("bad-messages", field=mapping["messages"])
    messages = []
    for number, turn in enumerate(turns, 1):
        read = _turn(turn, mapping, number)
        if isinstance(read, Rejected):
            return read
        messages += read
    return _with_system(row, mapping, messages)


def _with_system(row: Row, mapping: Mapping[str, str], messages: Messages) -> Talk:
    system = text_of(row.get(mapping["system"])) if "system" in mapping else ""
    if isinstance(system, Rejected):
        return system
    if is_blank(system) or (messages and messages[0]["role"] == "system"):
        return messages
    return [{"role": "system", "content": system}, *messages]


def _turn(turn: Any, mapping: Mapping[str, str], number: int) -> Talk:
    if not isinstance(turn, dict):
        return reject("bad-messages", field=mapping["messages"])
    spoken = _key(turn, mapping.get("role"), ROLE_KEYS)
    said = _key(turn, mapping.get("content"), CONTENT_KEYS)
    if spoken is None and said is None and (pair := _pair(turn)):
        return pair
    if spoken is None:
        return reject("missing-role", turn=number)
    role = str(turn[spoken]).strip().lower()
    if role in TOOL_ROLES or turn.get("tool_calls") or turn.get("function_call"):
        return reject("tool-turn", turn=number)
    if role not in ROLE_OF:
        return reject("unknown-role", turn=number, role=role[:40])
    content = text_of(turn[said]) if said else ""
    return content if isinstance(content, Rejected) else [{"role": ROLE_OF[role], "content": content}]


def _key(turn: Mapping[str, Any], wanted: str | None, known: tuple[str, ...]) -> str | None:
    return next((key for key in (wanted, *known) if key and key in turn), None)


def _pair(turn: Mapping[str, Any]) -> Messages:
    """{"human": …, "assistant": …}: two turns in one object."""
    named = {ROLE_OF.get(str(key).lower()): value for key, value in turn.items()}
    found = [(role, named[role]) for role in ("system", "user", "assistant") if isinstance(named.get(role), str)]
    return [{"role": str(role), "content": text} for role, text in found]


def _fits(row: Row, mapping: Mapping[str, str]) -> bool:
    turns = listed(row.get(mapping["messages"]))
    return turns is not None and all(isinstance(turn, dict) for turn in turns)


def _refined(shape: Shape, rows: list[Row]) -> Shape:
    """Names the keys inside a turn, and tells texts (a lone assistant turn) from conversations."""
    column = shape.mapping["messages"]
    turns = [turn for row in rows for turn in listed(row.get(column)) or [] if isinstance(turn, dict)]
    keys = {"role": ROLE_KEYS, "content": CONTENT_KEYS}
    inner = {name: key for name, known in keys.items() for key in [_commonest(turns, known)] if key}
    mapping = {**inner, **shape.mapping}
    plain = inner.get("role") == "role" and inner.get("content") == "content"
    converted = [convert(row, mapping) for row in rows]
    texts = sum(not isinstance(messages, Rejected) and lone_answer(messages) for messages in converted)
    shape = replace(shape, mapping=mapping, format="openai" if plain else "sharegpt")
    return replace(shape, kind="text", tasks=("cpt",)) if rows and texts * 2 > len(rows) else shape


def _commonest(turns: list[dict[str, Any]], known: tuple[str, ...]) -> str:
    counts = {key: sum(key in turn for turn in turns) for key in known}
    best = max(known, key=lambda key: counts[key])
    return best if counts[best] else ""


FORMAT = Format(
    id="openai",
    kind="messages",
    tasks=("sft",),
    fields=FIELDS,
    required=("messages",),
    fits=_fits,
    convert=convert,
    refine=_refined,
)
