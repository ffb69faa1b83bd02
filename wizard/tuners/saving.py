"""Adapters of our own as files, named as PEFT's are: `adapter_config.json` tells the kind, the base and its shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.tuners.bottleneck import AdapterConfig, add_adapters, own_state
from wizard.tuners.layers import config_of_text

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
KIND = "bottleneck"
SHAPE = ("model_type", "num_hidden_layers", "hidden_size")  # of a base: another one cannot carry the adapter


def save_adapter(model: Any, folder: Path | str, config: AdapterConfig, state: Mapping[str, Any] | None = None) -> None:
    """`state`: of the whole model, where it is not all in this process."""
    from safetensors.torch import save_file

    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    own = own_state(model.state_dict() if state is None else state)
    save_file({name: value.contiguous().cpu() for name, value in own.items()}, place / WEIGHTS, {"format": "pt"})
    told = {"kind": KIND, "base": shape_of(model), **asdict(config)}
    (place / CONFIG).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def load_adapter(model: Any, folder: Path | str) -> Any:
    """Lays the adapters of the folder around its base. Raises the Problems `adapter-damaged` and
    `adapter-of-another-model`."""
    told = told_of(folder)
    base = told.pop("base")
    if base != shape_of(model):
        has, wants = spelt(shape_of(model)), spelt(base)
        raise WizardError("adapter-of-another-model", exit_code=ExitCode.FAILED, path=str(folder), wants=wants, has=has)
    del told["kind"]
    add_adapters(model, AdapterConfig(**told))
    fill(model, folder)
    return model


def fill(model: Any, folder: Path | str) -> None:
    """The numbers of the folder into adapters that are there already."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(Path(folder) / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise WizardError("adapter-damaged", exit_code=ExitCode.FAILED, path=str(folder)) from error
    if set(found) != set(own_state(model.state_dict())):
        raise WizardError("adapter-damaged", exit_code=ExitCode.FAILED, path=str(folder))
    model.load_state_dict(found, strict=False)


def is_ours(folder: Path | str) -> bool:
    try:
        return bool(told_of(folder).get("kind") == KIND)
    except WizardError:
        return False


def told_of(folder: Path | str) -> dict[str, Any]:
    try:
        return dict(json.loads((Path(folder) / CONFIG).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise WizardError("adapter-damaged", exit_code=ExitCode.FAILED, path=str(folder)) from error


def shape_of(model: Any) -> dict[str, Any]:
    text = config_of_text(model)
    return {name: getattr(text, name) for name in SHAPE}


def spelt(shape: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {shape.get(name)}" for name in SHAPE)


def alone(trainer: Any, config: AdapterConfig) -> None:
    """Checkpoints and the end of a transformers trainer hold the adapters, not the base that they stand in."""

    def save_pretrained(folder: str, *, state_dict: Any = None, is_main_process: bool = True, **_: Any) -> None:
        if is_main_process:
            save_adapter(trainer.model, folder, config, state_dict)

    def load(checkpoint: str, model: Any = None) -> None:
        fill(trainer.model if model is None else model, checkpoint)

    trainer.model.save_pretrained = save_pretrained
    trainer._load_from_checkpoint = load
