"""The configuration of PEFT's own tuner for an order: one place for all that stand beside linear layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.tuners.configuring import modules

SCALED = ["k_proj", "v_proj", "down_proj"]  # by (IA)^3 where all linear layers are asked for, as in its paper
UNMOVED = "magnitude_vector"  # what TRL leaves in fp32


def config_of(order: Mapping[str, Any], model: Any) -> Any:
    import peft

    told, rank = {"task_type": "CAUSAL_LM", **modules(order["targets"], model)}, order["rank"]
    if order["tuner"] == "adalora":
        return peft.AdaLoraConfig(init_r=rank, target_r=max(1, rank * 2 // 3), total_step=100, **told)
    if order["tuner"] == "vera":
        return peft.VeraConfig(r=rank, **told)
    if order["tuner"] == "ia3":
        scaled = {"target_modules": SCALED} if order["targets"] == ["all-linear"] else {}
        return peft.IA3Config(feedforward_modules=["down_proj"], **{**told, **scaled})
    if order["tuner"] == "miss":
        return peft.MissConfig(r=rank, **told)
    if order["tuner"] == "oft":
        return peft.OFTConfig(oft_block_size=rank, **told)
    if order["tuner"] == "boft":
        return peft.BOFTConfig(boft_block_size=rank, **told)
    return peft.LoraConfig(r=rank, use_dora=order["dora"], lora_dropout=order["lora_dropout"], **told)
