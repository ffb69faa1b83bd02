"""What the watch over a training sees of one step, and what it may find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Seen:
    """`seconds`: from the step's rows being there to its end; `waited`: before, for those rows."""

    step: int
    loss: float
    grad_norm: float | None = None
    reward: float | None = None  # where it is what is learnt from; the loss then says little
    seconds: float = 0.0
    waited: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`code`: of a Problem that stops the training, else of a note. `since`: the step at which it began."""

    code: str
    since: int
    stops: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)
