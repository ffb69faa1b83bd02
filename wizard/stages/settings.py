"""The plan's knobs as the settings of TRL, PEFT and bitsandbytes."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.stages.device import cpu_has_bf16
from wizard.stages.sharing import accumulation, zero

if TYPE_CHECKING:
    from peft import LoraConfig
    from torch import nn
    from trl import SFTConfig

CHECKPOINTS_KEPT = 2
ROUTER = "router"


def arguments(knobs: Mapping[str, Any], spec: Mapping[str, Any], checkpoints: Path, **changes: Any) -> SFTConfig:
    from trl import SFTConfig

    told = {checkpointing(SFTConfig.__dataclass_fields__): bool(knobs["grad_ckpt"])}
    return SFTConfig(**{**settings(knobs, spec, checkpoints), **told, **changes})


def checkpointing(known: Container[str]) -> str:
    """transformers 5.23 has renamed it and warns of the old name; the lists for Python 3.10 hold 5.20."""
    return "activation_checkpointing" if "activation_checkpointing" in known else "gradient_checkpointing"


def settings(knobs: Mapping[str, Any], spec: Mapping[str, Any], checkpoints: Path) -> dict[str, Any]:
    dtype, packing = number_type(spec), bool(knobs["packing"])
    return {
        "output_dir": str(checkpoints),
        "per_device_train_batch_size": int(knobs["micro_batch"]),
        "per_device_eval_batch_size": int(knobs["micro_batch"]),
        "gradient_accumulation_steps": accumulation(knobs),
        "learning_rate": float(knobs["learning_rate"]),
        "num_train_epochs": float(knobs["epochs"]),
        "max_steps": int(knobs["max_steps"]) or -1,
        "optim": str(knobs["optimizer"]),
        "max_length": int(knobs["seq_len"]),
        "packing": packing,
        "dataset_kwargs": {"skip_prepare_dataset": not packing},
        "seed": int(knobs["seed"]),
        "data_seed": int(knobs["seed"]),
        "use_cpu": spec["device"] == "cpu",
        "bf16": dtype == "bfloat16",
        "fp16": dtype == "float16",
        "deepspeed": zero(knobs),
        "ddp_find_unused_parameters": False,
        "save_steps": int(knobs["save_steps"]),
        "save_total_limit": CHECKPOINTS_KEPT,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
    }


def adapter_config(knobs: Mapping[str, Any], method: Mapping[str, Any], model: nn.Module) -> LoraConfig:
    from peft import LoraConfig

    return LoraConfig(
        r=int(knobs["rank"]),
        lora_alpha=int(knobs["alpha"]),
        use_dora=bool(method["dora"]),
        task_type="CAUSAL_LM",
        **modules(knobs["targets"], model),
    )


def modules(targets: Sequence[str], model: nn.Module) -> dict[str, Any]:
    """What PEFT is told of them. Some experts' routers are linear layers that return a pair, which it cannot adapt."""
    if list(targets) != ["all-linear"]:
        return {"target_modules": list(targets)}
    routed = any(name.rpartition(".")[2] == ROUTER for name, _ in model.named_modules())
    return {"target_modules": "all-linear"} | ({"exclude_modules": [ROUTER]} if routed else {})


def quantisation(base: str, dtype: Any) -> Any:
    """How bitsandbytes is to hold a method's base; None where it is left whole."""
    if base == "whole":
        return None
    from transformers import BitsAndBytesConfig

    if base == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=base == "nf4-dq",
        bnb_4bit_compute_dtype=dtype,
    )


def number_type(spec: Mapping[str, Any]) -> str:
    if spec["device"] == "cpu":
        return "bfloat16" if cpu_has_bf16() else "float32"
    import torch

    return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
