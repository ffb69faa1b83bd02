"""What stands before the answer, and the answer, from whichever columns a row has them in."""

from __future__ import annotations

from typing import Any

from wizard.data.shape import media as pictures
from wizard.data.shape.example import Example, Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Roles, Row, cell_of
from wizard.data.shape.media import Media, settle
from wizard.data.shape.objects import objects_of
from wizard.data.shape.parts import plain
from wizard.data.shape.tools import calls_of, tools_of
from wizard.data.shape.turns import listed_turns, merged, spoken, turns_of
from wizard.data.shape.values import bounded, is_blank, is_missing, listed, text_of

TALK = {"system": ("system", "system_prompt", "系统", "系统提示"), "history": ("history", "历史")}
BESIDE = {
    **pictures.FIELDS,
    "tools": ("tools", "functions", "工具"),
    "objects": ("objects",),
    "margin": ("margin",),
    "chat_template_kwargs": ("chat_template_kwargs",),
}
KEPT = ("margin", "chat_template_kwargs", "solution")
ALONE = frozenset((*BESIDE, *KEPT))  # where a mapping has none of them, the turns are all there is
ANSWER_KEYS = ("text", "answer", "content", "value", "response")


def cell(row: Row, mapping: Roles, role: str) -> Any:
    column = mapping[role]
    if column not in row:
        raise Refused("missing-field", field=column)
    return row[column]


def opening(row: Row, mapping: Roles, media: Media, *asked: str) -> Messages:
    """System turn, history and question; `asked`: the roles that make the question, joined by a line break."""
    messages: Messages = []
    if mapping.get("system") in row and not is_blank(system := plain(row[mapping["system"]], {})):
        messages.append({"role": "system", "content": system})
    if mapping.get("history"):
        messages += _history(row.get(mapping["history"]), media)
    parts = []
    for role in asked:
        if not mapping.get(role):
            continue
        value = row.get(mapping[role])
        if (turns := listed_turns(value)) is not None:
            return with_system(turns_of(turns, mapping, media), messages)
        if not is_blank(text := plain(value, media)):
            parts.append(text)
    return [*messages, {"role": "user", "content": "\n".join(parts)}]


def talk(row: Row, mapping: Roles, media: Media) -> Messages:
    """The turns of the column `messages`, with the row's system turn where they have none."""
    column = mapping["messages"]
    value = row.get(column)
    turns = value if type(value) is list else listed(value)
    if turns is None:
        turns = listed_turns(value)
    if turns is None:
        raise Refused("bad-messages", field=column)
    messages = turns_of(turns, mapping, media)
    if mapping.get("system") in row and not is_blank(system := plain(row[mapping["system"]], {})):
        return with_system(messages, [{"role": "system", "content": system}])
    return messages


def with_system(messages: Messages, before: Messages) -> Messages:
    return messages if messages and messages[0]["role"] == "system" else [*before, *messages]


def answer(row: Row, mapping: Roles, media: Media, role: str) -> Messages:
    return answer_of(cell(row, mapping, role), mapping, media, thought=cell_of(row, mapping, "reasoning"))


def answer_of(value: Any, mapping: Roles, media: Media, thought: Any = None) -> Messages:
    """A text, the first of several, SQuAD's nested ones, turns, or calls of tools, as the turns of an answer."""
    if (turns := listed_turns(value)) is not None:
        return turns_of(turns, mapping, media)
    if "tools" in mapping and (calls := _calls(value)):
        return [{"role": "assistant", "content": "", "tool_calls": calls_of(calls, 2)}]
    turn = spoken("assistant", value if type(value) is str else _first(value), media)
    if isinstance(thought, str) and not is_blank(thought):
        turn["reasoning_content"] = text_of(thought)
    return [turn]


def _calls(value: Any) -> list[Any]:
    found = listed(value) or []
    return found if all(isinstance(call, dict) and "arguments" in call and "name" in call for call in found) else []


def _first(value: Any) -> Any:
    """A list of texts in a table's cell stays the text that it is."""
    if isinstance(value, dict):
        key = next((key for key in ANSWER_KEYS if key in value), None)
        if key is None:
            raise Refused("bad-content", found="dict")
        return _first(value[key])
    if isinstance(value, list):
        if value and not isinstance(value[0], (str, dict)):
            raise Refused("bad-content", found="list")
        return _first(value[0]) if value else ""
    return value


def _history(value: Any, media: Media) -> Messages:
    """[[question, answer], ...], oldest first; or turns."""
    if is_missing(value):
        return []
    exchanges = listed(value)
    if exchanges is None:
        raise Refused("bad-history")
    if exchanges and (turns := listed_turns(exchanges)) is not None:
        return turns_of(turns, {}, media)
    messages: Messages = []
    for exchange in exchanges:
        if not isinstance(exchange, (list, tuple)) or len(exchange) != 2:
            raise Refused("bad-history")
        messages += [spoken("user", exchange[0], media), spoken("assistant", exchange[1], media)]
    return messages


def built(row: Row, mapping: Roles, messages: Messages, media: Media, **more: Any) -> Example:
    """The Example of these turns, with what else the row holds: tools, media, objects and what is kept for later."""
    if not media and ALONE.isdisjoint(mapping):
        return Example(messages=messages, **more)
    messages = settle(messages, row, mapping, media)
    for name in pictures.NAMES:
        if name in media:
            more[f"{name}s"] = media[name]
    if mapping.get("tools"):
        more["tools"] = tools_of(row.get(mapping["tools"]), mapping["tools"])
    if mapping.get("objects"):
        more["objects"] = objects_of(row.get(mapping["objects"]), messages, len(media.get("image", ())))
    kept = {mapping[role]: row.get(mapping[role]) for role in KEPT if mapping.get(role)}
    kept = {column: bounded(value) for column, value in kept.items() if not is_missing(value)}
    if kept:
        more["extra"] = {**kept, **more.get("extra", {})}
    return Example(messages=messages, **more)


def together(asked: Messages, said: Messages) -> Messages:
    """A conversation and its answer; an answer that is the whole conversation is that."""
    if any(turn["role"] == "user" for turn in said):
        return with_system(said, [turn for turn in asked if turn["role"] == "system"])
    return merged([*asked, *said])
