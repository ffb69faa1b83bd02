"""The door for those who script: `model = prepare_model(model, config)`, and nothing of it loads torch before.

    from wizard.tuners import LoraConfig, prepare_model
    model = prepare_model(model, LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM"))

    from wizard.tuners import LisaConfig, lisa_callback
    model = prepare_model(model, config := LisaConfig(layers=2, interval=20))
    Trainer(model, callbacks=[lisa_callback(model, config)], ...).train()

    from wizard.tuners import AdapterConfig, load_adapter, save_adapter
    model = prepare_model(model, config := AdapterConfig(size=64))
    save_adapter(model, "adapter", config)  # and later: load_adapter(base, "adapter")

PEFT's configurations are PEFT's own classes, handed through.
"""

from __future__ import annotations

from typing import Any

from wizard.tuners.bottleneck import AdapterConfig
from wizard.tuners.freezing import FreezeConfig
from wizard.tuners.lisa import LisaConfig, lisa_callback
from wizard.tuners.llama_pro import LlamaProConfig
from wizard.tuners.preparing import prepare_model
from wizard.tuners.saving import load_adapter, save_adapter

PEFT = ("LoraConfig",)


def __getattr__(name: str) -> Any:
    if name not in PEFT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import peft

    return getattr(peft, name)


__all__ = [
    "AdapterConfig",
    "FreezeConfig",
    "LisaConfig",
    "LlamaProConfig",
    "LoraConfig",
    "lisa_callback",
    "load_adapter",
    "prepare_model",
    "save_adapter",
]
