"""Pictures, films and sounds of a row: their references, and the placeholders that say where they belong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wizard.data.shape.example import Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.values import clean, is_blank, listed

Media = dict[str, list[Any]]  # image, video, audio -> references in the order of their placeholders
NAMES = ("image", "video", "audio")
FIELDS = {
    "images": (
        "images",
        "image",
        "image_path",
        "image_paths",
        "image_url",
        "img",
        "pictures",
        "picture",
        "图片",
        "图像",
    ),
    "videos": ("videos", "video", "video_path", "视频"),
    "audios": ("audios", "audio", "audio_path", "wav", "speech", "音频", "语音"),
}
TAGGED = re.compile(r"<(img|audio|video)>([^<]{1,4096})</\1>")  # as Qwen writes them
BARE_BASE64 = {"/9j/": "image/jpeg", "iVBORw0KGgo": "image/png", "UklGR": "audio/wav"}


def references(value: Any) -> list[Any]:
    """Of a column: nothing, one, or a list; a film may be a list of its frames."""
    if value is None or (isinstance(value, (str, float)) and is_blank(str(value))):
        return []
    many = listed(value)
    return [reference(each) for each in many] if many is not None else [reference(value)]


def reference(value: Any) -> Any:
    """A path or an address as text; bytes as {"bytes", "path"}. Raises Refused for anything else."""
    if isinstance(value, str) and value.strip():
        kind = next((kind for start, kind in BARE_BASE64.items() if value.startswith(start) and len(value) > 100), "")
        return f"data:{kind};base64,{value}" if kind else clean(value)
    if isinstance(value, bytes) and value:
        return {"bytes": value, "path": None}
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return value
    if isinstance(value, dict):
        if value.get("bytes"):
            return {"bytes": value["bytes"], "path": value.get("path")}
        named = next((value[key] for key in ("path", "url", "src", "file_name") if value.get(key)), None)
        if isinstance(named, str):
            return clean(named)
    raise Refused("bad-media", found=type(value).__name__)


def untagged(text: str, media: Media) -> str:
    """`<img>path</img>` becomes a placeholder and a reference."""

    def placed(found: re.Match[str]) -> str:
        name = "image" if found[1] == "img" else found[1]
        media.setdefault(name, []).append(found[2].strip())
        return f"<{name}>"

    return TAGGED.sub(placed, text)


def settle(messages: Messages, row: Mapping[str, Any], mapping: Mapping[str, str], media: Media) -> Messages:
    """Adds what the row's columns hold to `media`; the turns with as many placeholders. Raises Refused."""
    for name in NAMES:
        column = mapping.get(f"{name}s")
        if not column and name not in media:
            continue
        inside, beside = media.get(name, []), references(row.get(column)) if column else []
        files = inside if inside == beside else [*inside, *beside]
        marks = sum(turn["content"].count(f"<{name}>") for turn in messages)
        if marks == 0 and files:
            messages = _placed(messages, f"<{name}>" * len(files))
        elif marks != len(files):
            raise Refused("media-mismatch", media=name, marks=marks, files=len(files))
        if files:
            media[name] = files
    return messages


def _placed(messages: Messages, marks: str) -> Messages:
    """At the start of the first user turn; of a text, at its start."""
    first = next((place for place, turn in enumerate(messages) if turn["role"] == "user"), len(messages) - 1)
    if first < 0:
        raise Refused("no-messages")
    turn = messages[first]
    return [*messages[:first], {**turn, "content": marks + turn["content"]}, *messages[first + 1 :]]
