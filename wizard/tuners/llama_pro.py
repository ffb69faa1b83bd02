"""LLaMA-Pro: copies of blocks are put in between, and they alone are trained (Wu et al., arXiv:2401.02415).

A copy's output projections begin as zero: it adds nothing to the stream, so the grown model starts as the old one. It
is an ordinary model of more layers, which plain transformers loads.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.errors import ExitCode, WizardError
from wizard.tuners.layers import config_of_text, layers_of, only

if TYPE_CHECKING:
    from torch import nn

OUTPUTS = ("o_proj", "down_proj", "out_proj", "c_proj", "dense", "dense_4h_to_h", "fc2", "wo", "w2")
PER_LAYER = ("layer_types", "mlp_layer_types", "layers_block_type", "no_rope_layers")  # lists of a configuration
PLAIN = (int, float, str, type(None))
PROBE = 8  # tokens


@dataclass(frozen=True, kw_only=True)
class LlamaProConfig:
    """`blocks`: how many are added, evenly spread: one on top of each of so many groups of layers."""

    blocks: int = 4


def expand(model: Any, config: LlamaProConfig) -> Any:
    """Raises the Problems `too-few-layers`, and `model-not-grown` of a model that is another one with more layers."""
    import torch

    layers, text = layers_of(model), config_of_text(model)
    if not 1 <= config.blocks <= len(layers):
        raise WizardError("too-few-layers", exit_code=ExitCode.FAILED, wanted=config.blocks, has=len(layers))
    before = probed(model)
    order = places(len(layers), config.blocks)
    grow_config(text, len(layers), [place for place, _ in order])
    grown = [layers[place] if not new else silent(copy.deepcopy(layers[place])) for place, new in order]
    for index, layer in enumerate(grown):
        renumber(layer, index)
    del layers[:]
    layers.extend(grown)
    added = [layer for layer, (_, new) in zip(grown, order, strict=True) if new]
    only(model, added)
    if not (torch.equal(before, probed(model)) and alike(model)):
        raise WizardError("model-not-grown", exit_code=ExitCode.FAILED, kind=type(model).__name__)
    return model


def places(count: int, blocks: int) -> list[tuple[int, bool]]:
    """Of the grown model's layers, bottom first: the old layer, and whether this is its copy."""
    tops = {(group + 1) * count // blocks - 1 for group in range(blocks)}
    return [told for place in range(count) for told in ((place, False), (place, True))[: 1 + (place in tops)]]


def grow_config(text: Any, count: int, order: list[int]) -> None:
    for name in PER_LAYER:
        told = getattr(text, name, None)
        if isinstance(told, (list, tuple)) and len(told) == count:
            setattr(text, name, [told[place] for place in order])
    text.num_hidden_layers = len(order)


def silent(block: nn.Module) -> nn.Module:
    """Its output projections zero, those of experts in one tensor too."""
    from torch import nn

    for path, weight in block.named_parameters():
        if any(part in OUTPUTS for part in path.split(".")[-2:]):
            nn.init.zeros_(weight)
    return block


def renumber(layer: nn.Module, index: int) -> None:
    for module in layer.modules():
        if hasattr(module, "layer_idx"):
            module.layer_idx = index


def probed(model: Any) -> Any:
    """The model's logits, or what else its head gives, for a few tokens."""
    import torch

    ids = torch.arange(PROBE, device=model.device)[None] % config_of_text(model).vocab_size
    was = model.training
    with torch.inference_mode():
        out = model.eval()(input_ids=ids, use_cache=False)[0]
    model.train(was)
    return out


def alike(model: Any) -> bool:
    """Whether the configuration alone makes the same model: shapes of weights, and what layers know of themselves."""
    import torch

    with torch.device("meta"):
        plain = type(model)(copy.deepcopy(model.config))
    same = {name: value.shape for name, value in plain.state_dict().items()} == {
        name: value.shape for name, value in model.state_dict().items()
    }
    return same and [told(layer) for layer in layers_of(plain)] == [told(layer) for layer in layers_of(model)]


def told(layer: nn.Module) -> list[Mapping[str, Any]]:
    """What modules know of themselves in plain words: their place, their kind of attention, their window."""
    return [
        {name: value for name, value in vars(module).items() if isinstance(value, PLAIN) and tells(name)}
        for module in layer.modules()
    ]


def tells(name: str) -> bool:
    """Rather than what a model's loading or its training has left there."""
    return not name.startswith("_") and name not in ("training", "gradient_checkpointing")
