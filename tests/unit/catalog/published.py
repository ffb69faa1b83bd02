"""What the authors' own config.json say of the models in the catalogue: the keys that count, as published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One config and the models it belongs to. `counted_only`: why transformers cannot build it.

    A multimodal one says at its top whether its embeddings are tied, as transformers 5 has it.
    """

    models: tuple[str, ...]
    config: Mapping[str, Any]
    counted_only: str = ""


def published() -> tuple[Published, ...]:
    lines = Path(__file__).with_name("configs.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(Published(**{**row, "models": tuple(row["models"])}) for row in map(json.loads, lines))
