"""Which chat template a model has: its own once it is here, else the one the catalogue carries for its family."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.contract import Model
from wizard.data.readers.rendering import Template

TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token", "cls_token", "sep_token", "mask_token")


def template_of(folder: Path, model: Model, recipes: Path | None = None) -> Template:
    """`folder`: where the model is, if it is here. `recipes`: the catalogue that is searched."""
    config = _json(folder / "tokenizer_config.json")
    tokens = {name: text for name in TOKENS if (text := _token(config.get(name)))}
    file = folder / "tokenizer.json"
    source = _own(folder, config) or _carried(model, recipes)
    return Template(source=source, tokens=tokens, tokenizer=file if file.is_file() else None)


def _own(folder: Path, config: Mapping[str, Any]) -> str | None:
    try:
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        pass
    template = config.get("chat_template")
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        template = named.get("default")
    return template if isinstance(template, str) and template else None


def _carried(model: Model, recipes: Path | None) -> str | None:
    for name in (model.architecture.family, model.template):
        file = (recipes or Path(__file__).parents[3] / "recipes") / "models" / f"{name}.jinja"
        if name and file.is_file():
            return file.read_text(encoding="utf-8")
    return None


def _token(value: Any) -> str:
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else ""


def _json(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
