"""What some tuners do while a trainer runs: they are told of its steps, or bring an optimizer of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Attach = Callable[[Any, Mapping[str, Any], Mapping[str, Any]], None]
ATTACHED: dict[str, Attach] = {}  # tuner -> of the trainer, the method and the knobs


def attach(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    """To a trainer that is made and has not begun: its model is prepared, its optimizer not made yet."""
    if known := ATTACHED.get(method["tuner"]):
        known(trainer, method, knobs)
