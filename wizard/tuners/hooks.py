"""What some tuners do while a trainer runs: they are told of its steps, or bring an optimizer of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wizard.tuners import lisa, own, projecting, saving

Attach = Callable[[Any, Mapping[str, Any], Mapping[str, Any]], None]


def attach(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    """To a trainer that is made and has not begun: its model is prepared, its optimizer not made yet."""
    if known := ATTACHED.get(method["tuner"]):
        known(trainer, method, knobs)


def lisa_draws(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    config = own.lisa(method, knobs, trainer.model, "")
    trainer.add_callback(lisa.lisa_callback(trainer.model, config))


def adapter_is_saved(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    saving.alone(trainer, own.adapter(method, knobs, trainer.model, ""))


def projectors_are_read(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    projecting.ready(trainer, method["tuner"])


ATTACHED: dict[str, Attach] = {  # tuner -> of the trainer, the method and the knobs
    "lisa": lisa_draws,
    "adapter": adapter_is_saved,
    "galore": projectors_are_read,
    "apollo": projectors_are_read,
}
