"""A turn with its pictures in place, as the chat templates of models that see expect it."""

from __future__ import annotations

import re
from typing import Any

PLACES = re.compile("<(image|video|audio)>")


def pieces_of(content: str) -> list[dict[str, Any]]:
    """`"<image>What is it?"` as [{"type": "image"}, {"type": "text", "text": "What is it?"}]."""
    pieces = PLACES.split(content)
    found = [{"type": piece} if number % 2 else {"type": "text", "text": piece} for number, piece in enumerate(pieces)]
    return [part for part in found if part.get("text", part["type"])]
