"""The content of a turn that is a list of parts: text, media, thoughts, calls of tools and what they answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.data.shape.example import Message
from wizard.data.shape.fault import Refused
from wizard.data.shape.media import NAMES, Media, reference, untagged
from wizard.data.shape.values import clean, is_missing, text_of

TEXT_TYPES = ("text", "input_text", "output_text")
THOUGHTS = ("thinking", "reasoning")


@dataclass(slots=True)
class Said:
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)
    results: list[Message] = field(default_factory=list)  # turns of tools that stand before the text

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def thought(self) -> str:
        return "".join(self.thoughts)


def plain(content: Any, media: Media) -> str:
    """The text of a content; most are nothing else, and there are many."""
    if type(content) is str:
        clean(content)
        return untagged(content, media) if "</" in content else content
    return said(content, media).text


def said(content: Any, media: Media) -> Said:
    if not isinstance(content, list):
        text = text_of(content)
        return Said([untagged(text, media) if "</" in text else text])
    found = Said()
    for part in content:
        _take(part, found, media)
    return found


def _take(part: Any, found: Said, media: Media) -> None:
    if isinstance(part, str):
        found.texts.append(plain(part, media))
        return
    if not isinstance(part, Mapping):
        raise Refused("bad-content", found=f"list of {type(part).__name__}")
    kind = str(part.get("type") or next((key for key in ("text", *NAMES) if not is_missing(part.get(key))), "")).lower()
    if kind in TEXT_TYPES:
        found.texts.append(untagged(text_of(_either(part, "text")), media))
    elif kind in THOUGHTS:
        found.thoughts.append(text_of(part.get(kind) or _either(part, "text")))
    elif kind == "tool_call":
        found.calls.append(part.get("value") or part)
    elif kind == "tool_use":
        found.calls.append({"id": part.get("id"), "name": part.get("name"), "arguments": part.get("input") or {}})
    elif kind == "tool_result":
        named = {"tool_call_id": part["tool_use_id"]} if isinstance(part.get("tool_use_id"), str) else {}
        found.results.append({"role": "tool", "content": said(part.get("content"), media).text, **named})
    elif name := medium(kind):
        found.texts.append(f"<{name}>")
        if (given := _reference(part, kind, name)) is not None:
            media.setdefault(name, []).append(given)
    else:
        raise Refused("bad-content", found=kind[:40] or "list")


def _either(part: Mapping[str, Any], key: str) -> Any:
    """LLaMA-Factory's newer parts hold everything in `value`."""
    return part[key] if key in part else part.get("value")


def medium(kind: str) -> str:
    """image, video or audio, of a part's type such as image_url or input_audio."""
    plain = kind.removeprefix("input_").removesuffix("_url")
    return plain if plain in NAMES else ""


def _reference(part: Mapping[str, Any], kind: str, name: str) -> Any:
    """None where only the place is marked, and a column of the row holds the file."""
    keys = (kind, name, f"{name}_url", "url", "path", "source", "data", "base64", "value")
    given = next((part[key] for key in keys if not is_missing(part.get(key))), None)
    if not isinstance(given, Mapping):
        return None if given is None else reference(given)
    data = given.get("data") or given.get("base64")
    if isinstance(data, str):
        return f"data:{given.get('media_type') or name + '/' + str(given.get('format') or '*')};base64,{clean(data)}"
    return reference(dict(given))
