"""The plan's knobs as the settings of a trainer."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.attention import attention_of
from wizard.stages.device import cpu_has_bf16
from wizard.stages.meeting import shared_folder
from wizard.stages.sharing import accumulation, fsdp, nodes_of, sequence
from wizard.stages.splitting import fully_sharded, long_sequences, zero

NUMBERS = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}


def arguments(kind: type, knobs: Mapping[str, Any], spec: Mapping[str, Any], checkpoints: Path, **changes: Any) -> Any:
    """An object of `kind`, one of transformers' TrainingArguments. A name that it does not have is a Problem, and so is
    what it says against a value."""
    known: Container[str] = kind.__dataclass_fields__  # type: ignore[attr-defined]
    if unknown := [name for name in changes if name not in known]:
        raise WizardError("setting-unknown", exit_code=ExitCode.FAILED, name=unknown[0], kind=kind.__name__)
    told: dict[str, Any] = {checkpointing(known): bool(knobs["grad_ckpt"]) and not fsdp(knobs)}  # FSDP has its own
    told |= asked(known, knobs, kind, spec["device"])
    with refused():
        return kind(**{**settings(knobs, spec, checkpoints), **told, **changes})


@contextmanager
def refused() -> Iterator[None]:
    """What the library says of settings that do not go together becomes a Problem."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError) as error:
        raise WizardError("settings-refused", exit_code=ExitCode.FAILED, error=str(error)) from error


def asked(known: Container[str], knobs: Mapping[str, Any], kind: type, device: str) -> dict[str, Any]:
    """What only some trainers have. Raises a Problem where one that a person asked for is not among it."""
    told: dict[str, Any] = {}
    if knobs.get("offload_activations"):
        if not moves(device):
            raise WizardError("offload-without-card", exit_code=ExitCode.FAILED)
        if "activation_offloading" not in known:
            raise WizardError(
                "setting-unknown", exit_code=ExitCode.FAILED, name="offload_activations", kind=kind.__name__
            )
        told["activation_offloading"] = True
    parts = sequence(knobs)
    if parts > 1:
        if "pad_to_multiple_of" not in known:
            raise WizardError("sequence-unshared", exit_code=ExitCode.FAILED, parts=parts)
        told["pad_to_multiple_of"] = parts
    return told


def moves(device: str) -> bool:
    """Whether what is kept can be moved from it to RAM; TRL asks for the streams of an accelerator."""
    return device != "cpu"


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
        "torch_compile": bool(knobs.get("compile")),
        "deepspeed": zero(knobs, spec["device"]),
        **fully_sharded(knobs),
        **long_sequences(knobs, attention_of(knobs, spec["device"], dtype != "float32").name or "sdpa"),
        "save_on_each_node": nodes_of(knobs) > 1 and not shared_folder(),
        "ddp_find_unused_parameters": False,
        "save_steps": int(knobs["save_steps"]),
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
    }


def number_type(spec: Mapping[str, Any]) -> str:
    """As torch names it: what the knob asks for, else what this device computes fastest in."""
    if (forced := str(spec.get("knobs", {}).get("dtype", "auto"))) != "auto":
        return NUMBERS[forced]
    if spec["device"] == "cpu":
        return "bfloat16" if cpu_has_bf16() else "float32"
    import torch

    return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
