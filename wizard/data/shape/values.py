"""Cells and contents as text: numbers, lists of parts, NaN and damaged characters."""

from __future__ import annotations

import json
import math
from typing import Any

from wizard.contract import Rejected
from wizard.data.shape.fault import reject

MEDIA_PARTS = ("image", "image_url", "input_image", "video", "video_url", "audio", "audio_url", "input_audio")


def is_blank(text: str) -> bool:
    stripped = text.strip()
    return not stripped or stripped in ("nan", "NaN")


def is_missing(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, (str, float)) and is_blank(str(value)))


def is_clean(text: str) -> bool:
    """False where bytes could not be decoded or an escape made half a character: such text cannot be saved again."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def text_of(value: Any) -> str | Rejected:
    if isinstance(value, str):
        return value if is_clean(value) else reject("bad-characters")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    if isinstance(value, list):
        return _joined(value)
    return reject("bad-content", found=type(value).__name__)


def _joined(parts: list[Any]) -> str | Rejected:
    texts = []
    for part in parts:
        if isinstance(part, dict) and str(part.get("type", "")).lower() in MEDIA_PARTS:
            return reject("media", found=str(part["type"]))
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            return reject("bad-content", found="list")
        texts.append(text)
    return text_of("".join(texts))


def listed(value: Any) -> list[Any] | None:
    """A list, or the list written as JSON in a table's cell."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None
