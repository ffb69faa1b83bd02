"""Where the layers of a decoder are, in whatever model of transformers' they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.errors import ExitCode, WizardError

if TYPE_CHECKING:
    from torch import nn


def config_of_text(model: Any) -> Any:
    """The part of the model's configuration that its decoder goes by."""
    return model.config.get_text_config(decoder=True)


def layers_of(model: Any) -> nn.ModuleList:
    """The `num_hidden_layers` layers, bottom first. Raises the Problem `layers-not-found` where no list of modules of
    the decoder has so many."""
    from torch import nn

    count = config_of_text(model).num_hidden_layers
    for module in model.get_decoder().modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise WizardError("layers-not-found", exit_code=ExitCode.FAILED, kind=type(model).__name__)


def only(model: Any, modules: Any) -> None:
    """Of all the model, these modules alone are trained."""
    model.requires_grad_(False)
    for module in modules:
        module.requires_grad_(True)
