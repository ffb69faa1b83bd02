"""The door for those who script: `model = prepare_model(model, config)`, and nothing of it loads torch before.

    from wizard.tuners import LoraConfig, prepare_model
    model = prepare_model(model, LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM"))

PEFT's configurations are PEFT's own classes, handed through.
"""

from __future__ import annotations

from typing import Any

from wizard.tuners.preparing import prepare_model

PEFT = ("LoraConfig",)


def __getattr__(name: str) -> Any:
    if name not in PEFT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import peft

    return getattr(peft, name)


__all__ = ["LoraConfig", "prepare_model"]
