"""A model folder's own chat template and special tokens, the same for a screen's rows and for a training's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def source_of(folder: Path) -> str:
    """Jinja; nothing for a model without one. Models that see may keep it with what prepares their pictures."""
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        pass
    places = ("tokenizer_config.json", "chat_template.json")
    return next((text for place in places if (text := _default(_json(folder / place).get("chat_template")))), "")


def special_tokens(folder: Path) -> dict[str, str]:
    config = _json(folder / "tokenizer_config.json")
    return {name: text for name in SPECIAL if (text := _token(config.get(name)))}


def _default(template: Any) -> str:
    """Of several, the one by that name."""
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else ""


def _token(value: Any) -> str:
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else ""


def _json(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
