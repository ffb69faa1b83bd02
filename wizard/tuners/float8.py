"""Full tuning with products in FP8, by torchao (arXiv:2507.16099; docs.pytorch.org/ao, "float8 training").

Weights, their gradients and what the optimizer keeps stay in the numbers that they are in: both sides of a product are
cast for it, by one scale for each tensor, found anew each time. So what is saved is a plain model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.errors import ExitCode, WizardError
from wizard.tuners.layers import layers_of

if TYPE_CHECKING:
    from torch import nn

MULTIPLE = 16  # the kernel's (torch._scaled_mm), of both sides of a weight
ROUTERS = ("gate", "router")  # of experts: small, and what they choose must not tremble


@dataclass(frozen=True, kw_only=True)
class Float8Config:
    """The linear layers of the decoder; embeddings, head and what reads pictures stay as they are."""


def compute_in_float8(model: Any, config: Float8Config) -> Any:
    """torchao's linear layers in place of torch's, around the same weights. Raises the Problem `no-float8-layers`."""
    from torchao.float8 import Float8LinearConfig, convert_to_float8_training

    told = Float8LinearConfig(pad_inner_dim=True)  # the gradient of a weight sums over tokens, of whatever number
    layers = layers_of(model)
    if not any(taken(module, name) for name, module in layers.named_modules()):
        raise WizardError("no-float8-layers", exit_code=ExitCode.FAILED, kind=type(model).__name__, multiple=MULTIPLE)
    convert_to_float8_training(layers, module_filter_fn=taken, config=told)
    return model


def taken(module: nn.Module, name: str) -> bool:
    """A class of a model's own, derived from Linear, computes in its own way."""
    from torch import nn

    if type(module) is not nn.Linear or name.rpartition(".")[2] in ROUTERS:
        return False
    return bool(module.in_features % MULTIPLE == 0 and module.out_features % MULTIPLE == 0)
