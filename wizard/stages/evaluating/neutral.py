"""What tuning cost: how surprised a model is by plain text about the world, which no training here was about.

neutral.en.txt and neutral.zh.txt were written for this project and bear its licence (Apache-2.0); a paragraph is a row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wizard.stages.evaluating.losses import Loss, row_loss

LANGUAGES = ("en", "zh")


def paragraphs(language: str) -> list[str]:
    text = Path(__file__).with_name(f"neutral.{language}.txt").read_text(encoding="utf-8")
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def read(network: Any, tokenizer: Any) -> dict[str, list[Loss]]:
    rows = {name: [list(tokenizer(text)["input_ids"]) for text in paragraphs(name)] for name in LANGUAGES}
    return {name: [row_loss(network, ids, ids) for ids in each] for name, each in rows.items()}
