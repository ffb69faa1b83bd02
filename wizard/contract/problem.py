"""A failure as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong, as a code of the word catalogue (`problem.<code>.what|why|next`) and its parameters."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
