"""Optimizers with their states in place before the step that is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from wizard.stages.simulation.ledger import Ledger

SMALLEST = 4096  # bitsandbytes holds the states of smaller tensors in fp32
BLOCK = 256  # numbers that share a scale


def make(parameters: Sequence[torch.nn.Parameter], order: Mapping[str, Any], ledger: Ledger) -> Any:
    """Something with step() and zero_grad()."""
    name = order["optimizer"]
    if name in STATES:
        made = Allotted(parameters, STATES[name], ledger)
    else:
        made = _library(name, parameters, order["foreach"])
    with ledger.naming("gradients", "load"):
        for each in parameters:
            each.grad = torch.empty_like(each)
    with ledger.naming("optimizer", "load"):
        made.step()
    made.zero_grad()
    return made


def _library(name: str, parameters: Sequence[torch.nn.Parameter], foreach: bool) -> Any:
    if name in ("adamw", "lisa"):
        return torch.optim.AdamW(parameters, lr=1e-4, fused=not foreach, foreach=foreach)
    if name == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(parameters, lr=1e-4, scale_parameter=False, relative_step=False)
    return torch.optim.SGD(parameters, lr=1e-4, momentum=0.9 if name == "sgd_momentum" else 0.0)


def _eight_bits(count: int) -> int:
    return count + -(-count // BLOCK) * 4 if count >= SMALLEST else count * 4


# Bytes of the states of a tensor of so many numbers, where the library itself wants a card. Paged ones lie in
# memory that PyTorch does not count.
STATES = {
    "adamw_bf16": lambda count: 2 * 2 * count,
    "adamw_8bit": lambda count: 2 * _eight_bits(count),
    "lion": lambda count: 4 * count,
    "lion_8bit": _eight_bits,
    "paged_adamw": lambda count: 0,
    "paged_adamw_8bit": lambda count: 0,
}


class Allotted:
    """Holds what the states take, and steps in place as the kernels do."""

    def __init__(self, parameters: Sequence[torch.nn.Parameter], size: Any, ledger: Ledger) -> None:
        self.parameters = parameters
        with ledger.naming("optimizer", "load"):
            self.states = [torch.empty(size(each.numel()), dtype=torch.uint8) for each in parameters]

    def step(self) -> None:
        pass

    def zero_grad(self) -> None:
        for each in self.parameters:
            each.grad = None
