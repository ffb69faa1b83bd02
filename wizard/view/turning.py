"""The knobs that can be turned by hand, and the values each one steps through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from wizard.contract import Knobs, Method

STEPS: dict[str, Sequence[Any]] = {
    "seq_len": [2**power for power in range(7, 18)],
    "micro_batch": [1, 2, 4, 8, 16, 32, 64],
    "accumulate": [1, 2, 4, 8, 16, 32, 64],
    "rank": [4, 8, 16, 32, 64, 128, 256],
    "alpha": [4, 8, 16, 32, 64, 128, 256, 512],
    "learning_rate": [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3],
    "epochs": [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0],
    "max_steps": [0, 10, 20, 30, 50, 60, 80, 100, 150, 200, 300, 500, 1000, 2000, 5000],
    "grad_ckpt": [False, True],
    "save_steps": [5, 10, 20, 25, 50, 100, 200, 500],
    "save_minutes": [0.0, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0],
    "seed": list(range(1, 101)),
}


SERVED = ("seq_len", "micro_batch")  # the context, and how many conversations at once
RANKED = {  # tuners that have a rank, or a width or a projection in its place
    "lora", "loraplus", "loftq", "unsloth", "adalora", "vera", "miss", "adapter", "galore", "apollo",
}  # fmt: skip
SCALED = {"lora", "loraplus", "loftq", "unsloth", "adalora"}  # those that add what they learn times alpha over the rank


def used(method: Method) -> list[str]:
    """The knobs that change anything, in their order."""
    if not method.trains:
        return list(SERVED)
    idle = {"rank": method.tuner not in RANKED, "alpha": method.tuner not in SCALED}
    return [name for name in STEPS if not idle.get(name)]


def turned(knobs: Knobs, name: str, by: int) -> Knobs:
    """The next value up or down; one that lies between two steps goes to the nearer in that direction."""
    now: Any = getattr(knobs, name)
    if isinstance(now, bool):
        return _with(knobs, name, not now)
    onward = [value for value in STEPS[name] if (value > now if by > 0 else value < now)]
    if not onward:
        return knobs
    return _with(knobs, name, min(onward) if by > 0 else max(onward))


def _with(knobs: Knobs, name: str, value: Any) -> Knobs:
    change: dict[str, Any] = {name: value}
    return replace(knobs, **change)
