"""Tools and their calls in OpenAI's form, from OpenAI's, Anthropic's, ms-swift's and ShareGPT's."""

from __future__ import annotations

import json
from typing import Any

from wizard.data.shape.example import Message
from wizard.data.shape.fault import Refused
from wizard.data.shape.values import bounded, clean, is_missing, parsed

CALL_TAGS = ("<tool_call>", "</tool_call>")


def calls_of(value: Any, number: int) -> list[Message]:
    """tool_calls: a call, a list of them, or either as JSON; Refused where one has no name or broken arguments."""
    if isinstance(value, str):
        found = parsed(value.strip().removeprefix(CALL_TAGS[0]).removesuffix(CALL_TAGS[1]))
        return calls_of(found, number) if isinstance(found, (dict, list)) else _broken(number)
    calls = value if isinstance(value, list) else [value]
    calls = [parsed(call) if isinstance(call, str) else call for call in calls]
    return [_call(bounded(call), number) for call in calls] if calls else _broken(number)


def _call(call: Any, number: int) -> Message:
    called = call.get("function") or call if isinstance(call, dict) else {}
    name = called.get("name") if isinstance(called, dict) else None
    if not isinstance(name, str) or not name:
        _broken(number)
    given: Any = next((called[key] for key in ("arguments", "parameters", "input") if called.get(key) is not None), {})
    if isinstance(given, str):
        given = parsed(given) if given.strip() else {}
    if not isinstance(given, dict):
        _broken(number)
    marked = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
    return {**marked, "type": "function", "function": {"name": clean(str(name)), "arguments": given}}


def _broken(number: int) -> Any:
    raise Refused("bad-tool-call", turn=number)


def result_text(value: Any) -> str | None:
    """An object that a tool answered with, as JSON; None for what is text or parts already."""
    return json.dumps(bounded(value), ensure_ascii=False) if isinstance(value, dict) else None


def tools_of(value: Any, column: str) -> list[Message]:
    """Descriptions of functions: a list, one of them, or either as JSON, each perhaps JSON again."""
    if is_missing(value):
        return []
    found = parsed(value) if isinstance(value, str) else value
    given = [
        parsed(each) if isinstance(each, str) else each for each in (found if isinstance(found, list) else [found])
    ]
    if not all(isinstance(each, dict) for each in given):
        raise Refused("bad-tools", field=column)
    return [_tool(bounded(each), column) for each in given if each]


def _tool(tool: Message, column: str) -> Message:
    if isinstance(tool.get("function"), dict):
        return {"type": "function", **tool}
    described = {key: value for key, value in tool.items() if key not in ("type", "input_schema")}
    if "input_schema" in tool:
        described["parameters"] = tool["input_schema"]
    if not isinstance(described.get("name"), str):
        raise Refused("bad-tools", field=column)
    return {"type": "function", "function": described}
