"""A causal language model as the train stage would load it, on tensors without storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from wizard.stages.simulation.adapters import UNMOVED, config_of
from wizard.stages.simulation.ledger import Ledger

NUMBERS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}

LISA_LAYERS = 2


def build(order: Mapping[str, Any], ledger: Ledger) -> tuple[nn.Module, int]:
    """The model, and how many numbers it had before it was quantised and adapted.

    `order`: config, base, attention, trains_all, tuner, awake, rank, targets, dora, lora_dropout, adapter_bytes,
    kbit_prepare, checkpointing, fused_loss.
    """
    from transformers import AutoConfig
    from transformers.initialization import no_init_weights

    config = AutoConfig.for_model(**order["config"])
    auto = class_for(config)
    attention = "eager" if order["attention"] == "eager" else None  # else as transformers chooses for this model
    number = NUMBERS.get(order["base"], torch.bfloat16)
    with ledger.naming("weights", "load"), no_init_weights():
        model = auto.from_config(config, attn_implementation=attention, dtype=number)
        model.tie_weights()
        params = sum(value.numel() for value in model.parameters())
        if order["base"] in ("nf4", "nf4-dq", "int8"):
            from wizard.stages.simulation.quantised import quantise

            quantise(model, order["base"], number)
    model.requires_grad_(order["trains_all"])
    if order["optimizer"] == "lisa":
        rest(model, order["awake"] or LISA_LAYERS)
    if order["tuner"] in BLOCKS:
        model.requires_grad_(False)
        for layer in BLOCKS[order["tuner"]](layers_of(model), order["awake"]):
            layer.requires_grad_(True)
            if order["mixed"]:  # as our train stage holds what learns
                layer.float()
    if order["kbit_prepare"]:
        from peft import prepare_model_for_kbit_training

        with ledger.naming("weights", "load"):
            model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if order["fused_loss"]:
        from trl.trainer.utils import add_fused_lm_head

        add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))  # as SFTTrainer does
    if not order["trains_all"]:
        with ledger.naming("adapter", "load"):
            model = adapt(model, order)
    if order["checkpointing"]:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        if not order["trains_all"]:
            model.enable_input_require_grads()
    model.config.use_cache = False
    return model.train(), params


def rest(model: nn.Module, awake: int) -> None:
    """All layers but a few, as LMFlow's callback for LISA has it between two draws."""
    for layer in layers_of(model)[:-awake]:
        layer.requires_grad_(False)


def layers_of(model: nn.Module) -> Any:
    (layers,) = (each for name, each in model.named_modules() if name.rpartition(".")[2] in ("layers", "h"))
    return layers


BLOCKS: Mapping[str, Any] = {  # those that learn: the last; or a new one at the end of each part, of a grown model
    "freeze": lambda layers, awake: layers[-awake:],
    "llama-pro": lambda layers, awake: layers[len(layers) // awake - 1 :: len(layers) // awake],
}


def class_for(config: Any) -> Any:
    """With its tower where it has one, which is held but sees no image."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    seeing = AutoModelForImageTextToText
    return seeing if type(config) in seeing._model_mapping else AutoModelForCausalLM


def adapt(model: nn.Module, order: Mapping[str, Any]) -> nn.Module:
    from peft import get_peft_model

    adapted = get_peft_model(model, config_of(order, model))
    if order["adapter_bytes"] == 2:
        for name, value in adapted.named_parameters():
            if value.requires_grad and UNMOVED not in name:
                value.data = value.data.to(torch.bfloat16)
    return adapted
