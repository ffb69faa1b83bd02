"""The door for those who script: `model = prepare_model(model, config)`, and nothing of it loads torch before.

    from transformers import AutoModelForCausalLM
    from wizard.tuners import AdaLoraConfig, LoraConfig, prepare_model

    model = AutoModelForCausalLM.from_pretrained("a folder")
    model = prepare_model(model, LoraConfig(r=16, target_modules="all-linear", use_rslora=True, task_type="CAUSAL_LM"))
    model.print_trainable_parameters()

    from wizard.tuners import LisaConfig, lisa_callback
    model = prepare_model(model, config := LisaConfig(layers=2, interval=20))
    Trainer(model, callbacks=[lisa_callback(model, config)], ...).train()

    from wizard.tuners import AdapterConfig, load_adapter, save_adapter
    model = prepare_model(model, config := AdapterConfig(size=64))
    save_adapter(model, "adapter", config)  # and later: load_adapter(base, "adapter")

PEFT's configurations are PEFT's own classes, handed through: https://huggingface.co/docs/peft/package_reference/config.
A method of the catalogue becomes one by `configuring.config_of(method, knobs, model)`; what it does as a trainer runs
(LoRA+, AdaLoRA, PiSSA, OLoRA, EVA, LoftQ) is laid on by `hooks.attach(trainer, method, knobs)`.
"""

from __future__ import annotations

from typing import Any

from wizard.tuners.bottleneck import AdapterConfig
from wizard.tuners.float8 import Float8Config
from wizard.tuners.freezing import FreezeConfig
from wizard.tuners.lisa import LisaConfig, lisa_callback
from wizard.tuners.llama_pro import LlamaProConfig
from wizard.tuners.preparing import prepare_model
from wizard.tuners.saving import load_adapter, save_adapter
from wizard.tuners.unsloth import UnslothConfig

PEFT = (
    "AdaLoraConfig",
    "BOFTConfig",
    "EvaConfig",
    "IA3Config",
    "LoraConfig",
    "MissConfig",
    "OFTConfig",
    "VeraConfig",
)


def __getattr__(name: str) -> Any:
    if name not in PEFT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import peft

    return getattr(peft, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PEFT})


__all__ = [
    "AdapterConfig",
    "Float8Config",
    "FreezeConfig",
    "LisaConfig",
    "LlamaProConfig",
    "UnslothConfig",
    "lisa_callback",
    "load_adapter",
    "prepare_model",
    "save_adapter",
    *PEFT,
]
