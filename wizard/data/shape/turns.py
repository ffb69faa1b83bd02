"""A list of turns as OpenAI writes them, from every spelling; and the order they must have to be trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from wizard.data.shape.example import Message, Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.media import Media
from wizard.data.shape.parts import plain, said
from wizard.data.shape.roles import CALL, CONTENT_KEYS, ROLE_KEYS, SIDE_OF, key_in, role_of, speakers
from wizard.data.shape.tools import calls_of, result_text
from wizard.data.shape.values import is_blank, number_of, parsed, text_of, truth_of

THOUGHTS = ("reasoning_content", "reasoning", "thinking", "thought")
OPENERS = ("[", "{", " ", "\n")
LOSSES = ("loss", "weight", "train", "training", "loss_weight", "loss_scale")
NAMED = ("name", "tool_call_id")
PLAIN = ("user", "assistant", "human", "gpt", "system")  # what nearly all turns are, read the short way
EMPTY = {"user": "empty-question", "assistant": "empty-answer"}


def turns_of(turns: list[Any], mapping: Mapping[str, str], media: Media) -> Messages:
    """Neighbours of one role become one turn. Raises Refused; the order is not looked at."""
    messages: Messages = []
    known = speakers(mapping)
    speaker, content = mapping.get("role", "role"), mapping.get("content", "content")
    for number, turn in enumerate(turns, 1):
        if type(turn) is dict and len(turn) == 2 and type(turn.get(content)) is str and turn.get(speaker) in PLAIN:
            messages.append({"role": known[turn[speaker]], "content": plain(turn[content], media)})
        elif isinstance(turn, Mapping):
            messages += _turn(turn, number, mapping, media)
        elif isinstance(turn, str):
            messages.append(spoken("assistant" if len(messages) % 2 else "user", turn, media))
        elif isinstance(turn, (list, tuple)) and len(turn) == 2:
            messages += [spoken(role, side, media) for role, side in zip(("user", "assistant"), turn, strict=True)]
        else:
            raise Refused("bad-messages", field=mapping.get("messages", "messages"))
    return merged(messages)


def spoken(role: str, content: Any, media: Media) -> Message:
    return {"role": role, "content": plain(content, media)}


def is_turn(turn: Any) -> bool:
    return isinstance(turn, Mapping) and any(key in turn for key in ROLE_KEYS[:3])


def listed_turns(value: Any) -> list[Any] | None:
    """A list of turns, one turn alone, or either as text in a cell; None for what is no turn."""
    if isinstance(value, str):
        if value[:1] not in OPENERS or not value.lstrip().startswith(("[{", "{")):
            return None
        value = parsed(value)
    if isinstance(value, Mapping):
        value = value["messages"] if isinstance(value.get("messages"), list) else _unfolded(value) or [value]
    return value if isinstance(value, list) and value and all(is_turn(turn) for turn in value) else None


def _unfolded(columns: Mapping[str, Any]) -> list[Any]:
    """{"role": [...], "content": [...]}, as some libraries keep lists of objects, as the list it stands for."""
    lengths = {len(column) if isinstance(column, list) else -1 for column in columns.values()}
    if len(lengths) != 1 or -1 in lengths:
        return []
    return [dict(zip(columns, turn, strict=True)) for turn in zip(*columns.values(), strict=True)]


def _turn(turn: Mapping[str, Any], number: int, mapping: Mapping[str, str], media: Media) -> Messages:
    speaker = key_in(turn, mapping.get("role"), ROLE_KEYS)
    content = key_in(turn, mapping.get("content"), CONTENT_KEYS)
    if speaker is None:
        if content is None and (sides := _sides(turn, media)):
            return sides
        raise Refused("missing-role", turn=number)
    role = role_of(turn[speaker], speakers(mapping))
    value = turn[content] if content else None
    if role in ("user", "system"):
        found = said(value, media)
        asked = [{"role": role, "content": found.text}] if found.text or not found.results else []
        return [*found.results, *asked]
    if role == "assistant":
        return [_answer(turn, value, number, media)]
    if role == CALL:
        return [{"role": "assistant", "content": "", "tool_calls": calls_of(value, number), **_loss(turn)}]
    if role == "tool":
        named = {name: turn[name] for name in NAMED if isinstance(turn.get(name), str)}
        return [{"role": role, "content": result_text(value) or plain(value, media), **named}]
    raise Refused("unknown-role", turn=number, role=str(turn[speaker])[:40])


def _answer(turn: Mapping[str, Any], value: Any, number: int, media: Media) -> Message:
    found = said(value, media)
    calls = found.calls or turn.get("tool_calls") or turn.get("function_call")
    message: Message = {"role": "assistant", "content": found.text}
    thought = found.thought or next((text_of(turn[key]) for key in THOUGHTS if isinstance(turn.get(key), str)), "")
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls_of(calls, number)
    return {**message, **_loss(turn)} if len(turn) > 2 else message


def _loss(turn: Mapping[str, Any]) -> dict[str, bool]:
    """{"loss": whether it is learned} where the turn says it: a truth, or a weight of which 0 means no."""
    for key in LOSSES:
        if turn.get(key) is not None:
            weight = number_of(turn[key])
            learned = truth_of(turn[key]) if weight is None else weight > 0
            return {} if learned is None else {"loss": learned}
    return {}


def _sides(turn: Mapping[str, Any], media: Media) -> Messages:
    """{"human": ..., "assistant": ...}: two turns in one object."""
    named = {SIDE_OF.get(str(key).strip().lower()): value for key, value in turn.items()}
    return [spoken(role, named[role], media) for role in ("system", "user", "assistant") if named.get(role) is not None]


def merged(messages: Messages) -> Messages:
    """As ms-swift does, but with a line break between; an answer that is learned stays apart from one that is not."""
    if not any(one["role"] == other["role"] for one, other in pairwise(messages)):
        return messages
    runs: list[Messages] = []
    for turn in messages:
        if runs and turn["role"] == runs[-1][-1]["role"] != "tool" and _alike(runs[-1][-1], turn):
            runs[-1].append(turn)
        else:
            runs.append([turn])
    return [_joined(run) if len(run) > 1 else run[0] for run in runs]


def _alike(before: Message, turn: Message) -> bool:
    later = "tool_calls" in before and ("tool_calls" not in turn or turn["content"])  # text would go before the call
    return before.get("loss") == turn.get("loss") and not later


def _joined(run: Messages) -> Message:
    joined = {key: value for turn in run for key, value in turn.items()}
    joined["content"] = _text(turn["content"] for turn in run)
    if "reasoning_content" in joined:
        joined["reasoning_content"] = _text(turn.get("reasoning_content", "") for turn in run)
    if "tool_calls" in joined:
        joined["tool_calls"] = [call for turn in run for call in turn.get("tool_calls", ())]
    return joined


def _text(texts: Iterable[str]) -> str:
    """One after another, a line break between where there is no white space."""
    pieces: list[str] = []
    for text in filter(None, texts):
        if pieces and not pieces[-1][-1].isspace() and not text[0].isspace():
            pieces.append("\n")
        pieces.append(text)
    return "".join(pieces)


def lone_answer(messages: Messages) -> bool:
    """How ms-swift writes a text for continued pre-training."""
    return len(messages) == 1 and messages[0]["role"] == "assistant" and "tool_calls" not in messages[0]


def checked(messages: Messages, *, last: tuple[str, ...] = ("assistant",)) -> Messages:
    """The same when it is [system] then filled turns that can follow one another, and ends as it must; else Refused."""
    before, number, asked = "", 0, False
    for turn in messages:
        role = turn["role"]
        if role == "system" and not number and not before:
            before = role
            continue
        number += 1
        if role == "system" or (role == "tool" and before not in ("assistant", "tool")):
            raise Refused("bad-roles", turn=number, role=role, expected="user" if before != "user" else "assistant")
        if is_blank(turn["content"]) and role in EMPTY and "tool_calls" not in turn:
            raise Refused(EMPTY[role])
        asked = asked or role == "user"
        before = role
    if not number:
        raise Refused("no-messages")
    if not asked:
        raise Refused("no-user-turn")
    if before not in last:
        raise Refused("no-answer" if "assistant" in last else "answered")
    return messages
