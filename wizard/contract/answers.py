"""How long the answers may be that a model writes while it is trained: known to the stage and to the forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEAST_PROMPT = 4  # a share of the sequence at least is left for the question


def wanted_tokens(settings: Mapping[str, Any], seq_len: int) -> int:
    """As the settings say, else half of the sequence, which holds the question too."""
    return int(settings.get("max_completion_length", seq_len // 2))


def answer_tokens(settings: Mapping[str, Any], seq_len: int) -> int:
    return min(wanted_tokens(settings, seq_len), seq_len - seq_len // LEAST_PROMPT)
