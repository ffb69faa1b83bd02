"""A number of a config: whole, finite and no larger than any model's. Anything else is a Problem that names its key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from wizard.errors import WizardError

MOST = 10**12
LAYERS = ("num_hidden_layers", "depth", "encoder_layers", "layers", "num_global_layers")
MOST_OF = {**dict.fromkeys(LAYERS, 10_000), "num_experts": 100_000}  # no model is near


def count(config: Mapping[str, Any], key: str) -> int:
    return whole(key, config.get(key), MOST_OF.get(key, MOST))


def whole(key: str, value: Any, most: int = MOST) -> int:
    """0 for what is not told, which some write as -1; of a list the first."""
    value = value[0] if isinstance(value, list | tuple) and value else value
    if value is None or value is False or value in ([], -1):
        return 0
    if not is_number(value) or not 0 <= value <= most or value != int(value):
        raise WizardError("config-wrong-number", key=key, found=shown(value), most=most)
    return int(value)


def ratio(config: Mapping[str, Any], key: str, usual: float) -> float:
    value = config.get(key) or usual
    if not is_number(value) or not 0.01 <= value <= 100:
        raise WizardError("config-wrong-ratio", key=key, found=shown(value))
    return float(value)


def listed(config: Mapping[str, Any], key: str) -> Sequence[Any]:
    """Empty for what is not told."""
    value = config.get(key)
    if value is None or value is False:
        return ()
    if not isinstance(value, list | tuple):
        raise WizardError("config-no-list", key=key, found=shown(value))
    return value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """As JSON has it, cut short."""
    try:
        return json.dumps(value, ensure_ascii=False)[:40]
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__
