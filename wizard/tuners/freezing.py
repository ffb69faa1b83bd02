"""Freezing: the last layers of a model are trained, or what is named; the rest stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.tuners.layers import layers_of, only


@dataclass(frozen=True, kw_only=True)
class FreezeConfig:
    """`layers`: how many, counted from the top. `modules`: names, or ends of names, of more that are trained
    (`lm_head`, `layers.0.mlp`)."""

    layers: int = 2  # as LLaMA-Factory's `freeze_trainable_layers`
    modules: tuple[str, ...] = ()


def freeze(model: Any, config: FreezeConfig) -> Any:
    """Raises the Problems `too-few-layers` and `module-not-found`."""
    layers = list(layers_of(model))
    if not 0 <= config.layers <= len(layers):
        raise WizardError("too-few-layers", exit_code=ExitCode.FAILED, wanted=config.layers, has=len(layers))
    found = [module for name in config.modules for module in named(model, name)]
    only(model, [*layers[len(layers) - config.layers :], *found])
    return model


def named(model: Any, name: str) -> list[Any]:
    if found := [module for path, module in model.named_modules() if f".{path}".endswith(f".{name}")]:
        return found
    raise WizardError("module-not-found", exit_code=ExitCode.FAILED, name=name, kind=type(model).__name__)
