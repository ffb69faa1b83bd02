"""Bottleneck adapters: a small network behind the parts of each layer, which alone is trained.

Down to `size` numbers, a nonlinearity, up again, added to what came in (Houlsby et al., arXiv:1902.00751: behind the
attention and behind the MLP of each layer; Pfeiffer et al., arXiv:2005.00247: behind the MLP alone, half of the numbers
and about as good). The way up begins as zero, so that the model starts unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wizard.errors import ExitCode, WizardError
from wizard.tuners.layers import config_of_text, layers_of, only

if TYPE_CHECKING:
    from torch import nn

ATTENTION = ("self_attn", "attention", "attn", "linear_attn", "self_attention")
MLP = ("mlp", "feed_forward", "ffn", "block_sparse_moe")
PLACES = {"houlsby": (ATTENTION, MLP), "pfeiffer": (MLP,)}
NAME = "bottleneck"


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """A layer's adapter of width h has 2 * h * size + size + h numbers."""

    size: int = 64
    placement: Literal["houlsby", "pfeiffer"] = "pfeiffer"
    activation: str = "relu"  # a name of transformers.activations


def add_adapters(model: Any, config: AdapterConfig) -> Any:
    """Raises the Problem `module-not-found` where a layer's attention or MLP goes by an unknown name."""
    hidden, places = config_of_text(model).hidden_size, list(parts(model, config))
    made = [lay(part, hidden, config) for part in places]
    only(model, made)
    return model


def parts(model: Any, config: AdapterConfig) -> Iterator[nn.Module]:
    """Of each layer, bottom first, what an adapter comes behind."""
    for layer in layers_of(model):
        children = dict(layer.named_children())
        for names in PLACES[config.placement]:
            found = next((children[name] for name in names if name in children), None)
            if found is None:
                kind = type(layer).__name__
                raise WizardError("module-not-found", exit_code=ExitCode.FAILED, name=names[0], kind=kind)
            yield found


def lay(part: nn.Module, hidden: int, config: AdapterConfig) -> nn.Module:
    """It belongs to the part, whose output it changes: (…, h) -> (…, h), or the first of several outputs."""
    adapter = network(hidden, config).to(next(part.parameters()).device)
    part.register_module(NAME, adapter)
    part.register_forward_hook(changed)
    return adapter


def changed(part: Any, inputs: Any, output: Any) -> Any:
    if isinstance(output, tuple):
        return (behind(part, output[0]), *output[1:])
    return behind(part, output)


def behind(part: Any, out: Any) -> Any:
    if not getattr(part, "adapted", True):
        return out
    adapter = getattr(part, NAME)
    return out + adapter(out.to(adapter[0].weight.dtype)).to(out.dtype)


def network(hidden: int, config: AdapterConfig) -> nn.Module:
    import torch
    from torch import nn
    from transformers.activations import ACT2FN

    down = nn.Linear(hidden, config.size, dtype=torch.float32)
    up = nn.Linear(config.size, hidden, dtype=torch.float32)
    for weight in (down.bias, up.weight, up.bias):
        nn.init.zeros_(weight)
    return nn.Sequential(down, ACT2FN[config.activation], up)


def switch(model: Any, *, on: bool) -> None:
    """Whether the adapters have a say: without them the model is its base."""
    for module in model.modules():
        if hasattr(module, NAME):
            module.adapted = on


def own_state(state: Any) -> dict[str, Any]:
    """Of a model's state, the numbers of its adapters."""
    return {name: value for name, value in state.items() if f".{NAME}." in f".{name}"}
