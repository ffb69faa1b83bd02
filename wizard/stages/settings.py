"""The plan's knobs as the settings of a trainer."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.device import cpu_has_bf16
from wizard.stages.sharing import accumulation, zero


def arguments(kind: type, knobs: Mapping[str, Any], spec: Mapping[str, Any], checkpoints: Path, **changes: Any) -> Any:
    """An object of `kind`, one of transformers' TrainingArguments. A name that it does not have is a Problem."""
    known: Container[str] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    if unknown := [name for name in changes if name not in known]:
        raise WizardError("setting-unknown", exit_code=ExitCode.FAILED, name=unknown[0], kind=kind.__name__)
    told = {checkpointing(known): bool(knobs["grad_ckpt"])}
    return kind(**{**settings(knobs, spec, checkpoints), **told, **changes})


def checkpointing(known: Container[str]) -> str:
    """transformers 5.23 has renamed it and warns of the old name; the lists for Python 3.10 hold 5.20."""
    return "activation_checkpointing" if "activation_checkpointing" in known else "gradient_checkpointing"


def settings(knobs: Mapping[str, Any], spec: Mapping[str, Any], checkpoints: Path) -> dict[str, Any]:
    dtype = number_type(spec)
    return {
        "output_dir": str(checkpoints),
        "per_device_train_batch_size": int(knobs["micro_batch"]),
        "per_device_eval_batch_size": int(knobs["micro_batch"]),
        "gradient_accumulation_steps": accumulation(knobs),
        "learning_rate": float(knobs["learning_rate"]),
        "num_train_epochs": float(knobs["epochs"]),
        "max_steps": int(knobs["max_steps"]) or -1,
        "optim": str(knobs["optimizer"]),
        "seed": int(knobs["seed"]),
        "data_seed": int(knobs["seed"]),
        "use_cpu": spec["device"] == "cpu",
        "bf16": dtype == "bfloat16",
        "fp16": dtype == "float16",
        "deepspeed": zero(knobs),
        "ddp_find_unused_parameters": False,
        "save_steps": int(knobs["save_steps"]),
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
    }


def number_type(spec: Mapping[str, Any]) -> str:
    if spec["device"] == "cpu":
        return "bfloat16" if cpu_has_bf16() else "float32"
    import torch

    return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
