"""One step of training, with the optimizer's states there already: the moments that the memory law is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from wizard.stages.simulation import optimizers
from wizard.stages.simulation.ledger import Ledger

HALVES = {"fp16": torch.float16}  # what autocast computes in; bf16 with every other base


def take(model: Any, order: Mapping[str, Any], ledger: Ledger) -> None:
    trained = [value for value in model.parameters() if value.requires_grad]
    groups = [[value] for value in trained] if order["in_backward"] else [trained]
    steppers = [optimizers.make(group, order, ledger) for group in groups]
    at_once: Any = _step_at_once(trained, steppers) if order["in_backward"] else nullcontext()
    if order["accumulates"]:
        gather(trained, ledger)
    ids = torch.zeros(order["micro_batch"], order["seq_len"], dtype=torch.long)
    ledger.forget_peak()
    kept = "checkpoints" if order["checkpointing"] else "activations"
    with ledger.naming(kept, "forward"), _ends_named(model, ledger), _gradients_named(trained, ledger), at_once:
        loss = _loss(model, order, ids)
        loss.backward()
    del loss
    if not order["in_backward"]:
        with ledger.naming("copies", "step"):
            steppers[0].step()


def gather(trained: list[nn.Parameter], ledger: Ledger) -> None:
    """What earlier micro-batches of the same step have left."""
    with ledger.naming("gradients", "load"):
        for each in trained:
            each.grad = torch.empty_like(each)


def _loss(model: nn.Module, order: Mapping[str, Any], ids: torch.Tensor) -> torch.Tensor:
    half = HALVES.get(order["base"], torch.bfloat16)
    mixed: Any = torch.autocast("cpu", dtype=half) if order["mixed"] else nullcontext()
    fused = {"fused_lm_head": True} if order["fused_loss"] else {}
    with mixed:
        loss: torch.Tensor = model(input_ids=ids, labels=ids, use_cache=False, **fused).loss
    return loss


@contextmanager
def _ends_named(model: Any, ledger: Ledger) -> Iterator[None]:
    """What follows the last layer is the loss's, until its gradient has come back to where it left."""

    def after(module: nn.Module, args: Any, output: Any) -> None:
        ledger.label, ledger.moment = "loss", "loss"
        output[0].register_hook(before)

    def before(gradient: torch.Tensor) -> None:
        ledger.label, ledger.moment = "backward", "layer"

    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    hook = whole.base_model.register_forward_hook(after)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _gradients_named(trained: list[nn.Parameter], ledger: Ledger) -> Iterator[None]:
    def name(value: torch.Tensor) -> None:
        if value.grad is not None:
            ledger.rename(value.grad, "gradients")

    hooks = [value.register_post_accumulate_grad_hook(name) for value in trained]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _step_at_once(trained: list[nn.Parameter], each: list[Any]) -> Iterator[None]:
    """Each weight is stepped as soon as its gradient is there, and the gradient is freed."""

    def stepper(optimizer: Any) -> Any:
        def step(value: torch.Tensor) -> None:
            optimizer.step()
            optimizer.zero_grad()

        return step

    pairs = zip(trained, each, strict=True)
    hooks = [value.register_post_accumulate_grad_hook(stepper(optimizer)) for value, optimizer in pairs]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
