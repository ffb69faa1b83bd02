"""An entry of LLaMA-Factory's dataset_info.json, in the words of `recognise`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.data.shape.roles import TAGS

ALPACA = {"prompt": "instruction", "query": "input", "response": "output", "history": "history"}
BESIDE = ("system", "tools", "images", "videos", "audios")
INNER = {"role_tag": "role", "content_tag": "content", **{tag: tag for tag in TAGS}}


def from_llamafactory(entry: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """(format, mapping) as its loader reads it: where `columns` is there, a column it does not name is not read.

    Alpaca without a response is a text to read on. Without `columns` the usual spellings are looked for.
    """
    given = {name: column for name, column in _texts(entry.get("columns")).items() if column}
    tags = {INNER[tag]: value for tag, value in _texts(entry.get("tags")).items() if tag in INNER and value}
    roles = {name: given[name] for name in BESIDE if name in given}
    if entry.get("ranking"):
        roles |= {name: given[name] for name in ("chosen", "rejected") if name in given}
    elif "kto_tag" in given:
        roles["label"] = given["kto_tag"]
    if entry.get("formatting", "alpaca") != "alpaca":
        turns = {"messages": given["messages"]} if "messages" in given else {}
        return str(entry["formatting"]), {**turns, **roles, **tags}
    if given and "response" not in given and not entry.get("ranking"):
        return "text", {"text": given.get("prompt", "text")}
    return "alpaca", {**{role: given[name] for name, role in ALPACA.items() if name in given}, **roles}


def _texts(value: Any) -> dict[str, str]:
    found = value if isinstance(value, Mapping) else {}
    return {str(name): text for name, text in found.items() if isinstance(text, str)}
