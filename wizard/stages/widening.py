"""A model that is held in 16 bits and computed in 32: each module's weights are widened while it runs, then let go.

It computes what a model held in 32 bits would, in half of the memory. An adapter is tried out merged in the same way:
each of its layers merges itself, by PEFT's own code, into weights that are there only while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

HALVES = (torch.bfloat16, torch.float16)


class Wide:
    """Hooks on every module that has weights of its own, or wraps one that has."""

    def __init__(self) -> None:
        self.held: dict[nn.Module, dict[nn.Parameter, torch.Tensor]] = {}
        self.hooked: set[nn.Module] = set()
        self.changed = 0  # layers that are others than before, as they were saved

    def cover(self, model: nn.Module) -> None:
        """Again where an adapter was laid around it."""
        for module in {*model.modules()} - self.hooked:
            inner = module.get_base_layer() if isinstance(module, BaseTunerLayer) else module
            if own(inner):
                module.register_forward_pre_hook(partial(self._before, inner))
                module.register_forward_hook(partial(self._after, inner))
            self.hooked.add(module)

    def _before(self, inner: nn.Module, _: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        """Some modules (what cuts pictures up) make what they read as narrow as the weights that they hold."""
        self.widen(inner)
        return tuple(each.float() if torch.is_tensor(each) and each.dtype in HALVES else each for each in given)

    def _after(self, inner: nn.Module, *_: Any) -> None:
        self.narrow(inner)

    def widen(self, module: nn.Module, *, copied: bool = False) -> None:
        """Weights in fp32 take the place of others, copies the place of all if they shall be changed."""
        if module in self.held:
            return
        taken = [weight for weight in own(module) if copied or weight.dtype in HALVES]
        self.held[module] = {weight: weight.data for weight in taken}
        for weight in taken:
            weight.data = weight.data.to(torch.float32, copy=True)

    def narrow(self, module: nn.Module) -> None:
        """The weights as they were, whatever was done to the copy."""
        for weight, data in self.held.pop(module, {}).items():
            weight.data = data

    @contextmanager
    def merged(self, model: nn.Module) -> Iterator[None]:
        """While it lasts, a layer of the adapter is merged when it runs."""
        hooks = []
        for layer in adapted(model):
            hooks.append(layer.register_forward_pre_hook(lambda layer, _: self._merge(layer), prepend=True))
            hooks.append(layer.register_forward_hook(lambda layer, *_: self._part(layer)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _merge(self, layer: Any) -> None:
        self.widen(layer.get_base_layer(), copied=True)
        layer.merge()

    def _part(self, layer: Any) -> None:
        layer.merged_adapters.clear()
        self.narrow(layer.get_base_layer())

    def merge(self, model: Any, number: torch.dtype) -> Any:
        """For good: merged in fp32, then held as `number`. Returns the model without the adapter."""
        for layer in adapted(model):
            base = layer.get_base_layer()
            before = [weight.data.to(number, copy=True) for weight in own(base)]
            self.widen(base)
            layer.merge()
            self.held.pop(base)
            for weight in own(base):
                weight.data = weight.data.to(number)
            self.changed += not all(torch.equal(weight, then) for weight, then in zip(own(base), before, strict=True))
        return model.unload().to(number)


def adapted(model: nn.Module) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, BaseTunerLayer)]


def own(module: nn.Module) -> list[nn.Parameter]:
    """Weights that are the module's itself; PEFT puts those of experts behind a parametrization while they run."""
    behind = [each.original for each in getattr(module, "parametrizations", {}).values()]
    return [*module.parameters(recurse=False), *behind]
