"""Rows that hold a list of turns: OpenAI and ms-swift (role/content), ShareGPT (from/value, or pairs)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wizard.data.shape.asking import BESIDE, built, talk
from wizard.data.shape.example import Example
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row, Shape, cell_of
from wizard.data.shape.media import Media
from wizard.data.shape.roles import CONTENT_KEYS, INNER, ROLE_KEYS, key_in, role_of, speakers
from wizard.data.shape.turns import checked, is_turn, listed_turns, lone_answer
from wizard.data.shape.values import is_blank, is_missing, listed

MESSAGES = (
    "messages", "conversations", "conversation", "dialogue", "dialog", "chat", "items", "turns", "chat_rounds", "data",
    "contents", "对话", "会话",
)  # fmt: skip
TURN_FIELDS = {"messages": MESSAGES, "system": ("system", "system_prompt", "系统"), **BESIDE}
REFERENCES = (
    "solution", "answer", "ground_truth", "reference_answer", "final_answer", "expected_answer", "reference", "gold",
    "reward_model", "verification_info", "test_cases", "答案",
)  # fmt: skip


def convert(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    messages = talk(row, mapping, media)
    if lone_answer(messages):
        raise Refused("no-user-turn")
    return built(row, mapping, checked(messages), media)


def convert_text(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    messages = talk(row, mapping, media)
    if not lone_answer(messages):
        raise Refused("not-a-lone-text")
    if is_blank(messages[0]["content"]) and not any(mapping.get(role) for role in ("images", "videos", "audios")):
        raise Refused("empty-text")
    return built(row, mapping, messages, media)


def convert_prompt(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    messages = checked(talk(row, mapping, media), last=("user", "tool"))
    return built(row, mapping, messages, media, extra=others(row, mapping))


def others(row: Row, mapping: Roles) -> dict[str, Any]:
    """What a reward may ask for: every column that is nothing else."""
    taken = set(mapping.values())
    return {str(name): value for name, value in row.items() if name not in taken and not is_missing(value)}


def turns_in(row: Row, mapping: Roles, role: str = "messages") -> list[Any]:
    """The turns of a column as they stand, without one of a system; nothing where it holds none."""
    value = cell_of(row, mapping, role)
    turns = value if isinstance(value, list) else listed(value) or listed_turns(value) or []
    return turns if all(isinstance(turn, (Mapping, str, list, tuple)) for turn in turns) else []


def last_role(row: Row, mapping: Roles) -> str:
    """user, assistant, tool ...; of turns without roles the assistant, who has the last word."""
    turns = turns_in(row, mapping)
    if not turns:
        return ""
    if not isinstance(turns[-1], Mapping):
        return "assistant" if len(turns) % 2 == 0 or not isinstance(turns[-1], str) else "user"
    speaker = key_in(turns[-1], mapping.get("role"), ROLE_KEYS)
    if speaker is None:
        return "assistant"
    role = role_of(turns[-1][speaker], speakers(mapping))
    answered = role == "tool_call" or (role == "user" and _is_result(turns[-1]))
    return "assistant" if answered else role


def _is_result(turn: Mapping[str, Any]) -> bool:
    parts = turn.get("content")
    return isinstance(parts, list) and any(
        isinstance(part, dict) and part.get("type") == "tool_result" for part in parts
    )


def asks(row: Row, mapping: Roles) -> bool:
    return last_role(row, mapping) in ("user", "tool")


def answers(row: Row, mapping: Roles) -> bool:
    return last_role(row, mapping) == "assistant"


def _is_text(row: Row, mapping: Roles) -> bool:
    turns = turns_in(row, mapping)
    return len(turns) == 1 and is_turn(turns[0]) and answers(row, mapping)


def _fits(row: Row, mapping: Roles) -> bool:
    turns = turns_in(row, mapping)
    return bool(turns) and (isinstance(turns[0], Mapping) or len(turns) > 1 or not isinstance(turns[0], str))


def refined(shape: Shape, rows: list[Row]) -> Shape:
    """Names the keys inside a turn; by them it is OpenAI's form or ShareGPT's."""
    turns = [turn for row in rows for turn in turns_in(row, shape.mapping) if isinstance(turn, Mapping)]
    keys = {"role": ROLE_KEYS, "content": CONTENT_KEYS}
    inner = {name: key for name, known in keys.items() for key in [_commonest(turns, known)] if key}
    mapping = {**inner, **shape.mapping}
    plain = mapping.get("role") == "role" and mapping.get("content", "content") == "content"
    tasks = (*shape.tasks, "grpo") if "solution" in mapping and "grpo" not in shape.tasks else shape.tasks
    return replace(shape, mapping=mapping, format="openai" if plain else "sharegpt", tasks=tasks)


def _commonest(turns: list[Mapping[str, Any]], known: tuple[str, ...]) -> str:
    counts = {key: sum(key in turn for turn in turns) for key in known}
    best = max(known, key=lambda key: counts[key])
    return best if counts[best] else ""


TURNS = {"id": "openai", "also": ("sharegpt",), "inner": INNER, "refine": refined}
FORMAT = Format(
    **TURNS,  # type: ignore[arg-type]
    kind="messages",
    tasks=("sft",),
    fields={**TURN_FIELDS, "solution": REFERENCES},
    required=("messages",),
    fits=_fits,
    convert=convert,
)
TEXTS = Format(
    **TURNS,  # type: ignore[arg-type]
    kind="text",
    tasks=("cpt",),
    fields=TURN_FIELDS,
    required=("messages",),
    fits=_is_text,
    convert=convert_text,
)
PROMPTS = Format(
    **TURNS,  # type: ignore[arg-type]
    kind="prompt",
    tasks=("grpo",),
    fields=TURN_FIELDS,
    required=("messages",),
    fits=asks,
    convert=convert_prompt,
)
