"""LISA: the embeddings, the head and a few layers drawn anew every so many steps (Pan et al., arXiv:2403.17919).

What sleeps has no gradient, and its optimizer state is let go. The draw is a function of the seed and the step alone,
so that a run that goes on from a checkpoint draws what it would have drawn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.tuners.layers import layers_of


@dataclass(frozen=True, kw_only=True)
class LisaConfig:
    """`layers`: awake at a time (the paper's gamma). `interval`: optimizer steps between draws (its K)."""

    layers: int = 2
    interval: int = 20
    seed: int = 42


def drawn(config: LisaConfig, count: int, step: int) -> frozenset[int]:
    """Which of `count` layers learn in optimizer step `step`, counted from 0; each with probability layers / count."""
    dice = random.Random(f"{config.seed}-{step // config.interval}")
    return frozenset(dice.sample(range(count), config.layers))


def check(model: Any, config: LisaConfig) -> Any:
    """All of the model is to be trained sooner or later; a trainer's optimizer must know all of it."""
    count = len(layers_of(model))
    if not 1 <= config.layers <= count:
        raise WizardError("too-few-layers", exit_code=ExitCode.FAILED, wanted=config.layers, has=count)
    model.requires_grad_(True)
    return model


class Sleep:
    """`wake(step, optimizer)` before each step."""

    def __init__(self, model: Any, config: LisaConfig) -> None:
        self.layers, self.config = list(layers_of(model)), config

    def wake(self, step: int, optimizer: Any) -> frozenset[int]:
        awake = drawn(self.config, len(self.layers), step)
        for place, layer in enumerate(self.layers):
            for weight in layer.parameters():
                weight.requires_grad_(place in awake)
                if place not in awake:
                    weight.grad = None
                    optimizer.state.pop(weight, None)
        return awake


def lisa_callback(model: Any, config: LisaConfig) -> Any:
    """For `transformers.Trainer(callbacks=...)`, or its `add_callback`."""
    from transformers import TrainerCallback

    class Lisa(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.sleep = Sleep(model, config)

        def on_step_begin(self, args: Any, state: Any, control: Any, **told: Any) -> None:
            self.sleep.wake(state.global_step, told["optimizer"])

    return Lisa()
