"""Unsloth's way to load a model and to lay LoRA around it; it needs a CUDA card and an environment of its own.

https://docs.unsloth.ai; names as in unsloth 2026.10 (`FastLanguageModel`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FOUR_BITS = ("nf4", "nf4-dq")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnslothConfig:
    """Arguments of `FastLanguageModel.get_peft_model`."""

    r: int
    lora_alpha: int
    target_modules: str | list[str]
    use_gradient_checkpointing: str | bool
    random_state: int


def come_first(method: Mapping[str, Any]) -> None:
    """It rewrites parts of transformers, PEFT and TRL, so it is imported before them."""
    if method["tuner"] == "unsloth":
        import unsloth  # noqa: F401


def load(folder: Path, base: str, dtype: Any, knobs: Mapping[str, Any]) -> Any:
    """The model alone: rows are tokenised already."""
    from unsloth import FastLanguageModel

    model, _ = FastLanguageModel.from_pretrained(model_name=str(folder), dtype=dtype, **loading(base, knobs))
    return model


def loading(base: str, knobs: Mapping[str, Any]) -> dict[str, Any]:
    four = base in FOUR_BITS
    return {
        "max_seq_length": int(knobs["seq_len"]),
        "load_in_4bit": four,
        "load_in_8bit": base == "int8",
        "load_in_16bit": base == "whole",
        "use_gradient_checkpointing": "unsloth" if knobs["grad_ckpt"] else False,
        "random_state": int(knobs["seed"]),
        "trust_remote_code": False,
        "use_exact_model_name": True,  # else it would take a hub's quantised copy by a like name
    }


def around(model: Any, config: UnslothConfig) -> Any:
    from unsloth import FastLanguageModel

    return FastLanguageModel.get_peft_model(model, **asdict(config))
