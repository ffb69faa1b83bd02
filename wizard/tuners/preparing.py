"""One door to every tuner: PEFT's lay themselves around a model, others change what of it learns."""

from __future__ import annotations

from typing import Any

from wizard.tuners.bottleneck import AdapterConfig, add_adapters
from wizard.tuners.float8 import Float8Config, compute_in_float8
from wizard.tuners.freezing import FreezeConfig, freeze
from wizard.tuners.lisa import LisaConfig, check
from wizard.tuners.llama_pro import LlamaProConfig, expand
from wizard.tuners.unsloth import UnslothConfig, around

OWN: dict[type, Any] = {
    Float8Config: compute_in_float8,
    FreezeConfig: freeze,
    AdapterConfig: add_adapters,
    LisaConfig: check,
    LlamaProConfig: expand,
    UnslothConfig: around,
}


def prepare_model(model: Any, config: Any) -> Any:
    """`config`: of PEFT, of one of our own tuners, or None for a model that is trained as a whole."""
    if config is None:
        return model
    if own := OWN.get(type(config)):
        return own(model, config)
    from peft import get_peft_model

    return get_peft_model(model, config)


def is_peft(config: Any) -> bool:
    """Whether a trainer of TRL can lay it around a model itself."""
    return bool(getattr(config, "peft_type", None))


def hold_fully(model: Any) -> None:
    """What is trained in 32 bits: a step is too small a part of a weight for 16. Products are computed in 16 all the
    same, by the trainer's autocast."""
    import torch

    for weight in model.parameters():
        if weight.requires_grad and weight.dtype in (torch.bfloat16, torch.float16):
            weight.data = weight.data.float()
