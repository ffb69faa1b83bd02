"""GaLore's and APOLLO's optimizers, which keep a few directions of the gradients of linear layers."""

from __future__ import annotations

import re
from typing import Any

from wizard.errors import ExitCode, WizardError


def ready(trainer: Any, tuner: str) -> None:
    """They keep objects of their own in their state, which torch reads back when it is told of them
    (`torch.serialization.add_safe_globals`): else no checkpoint could be gone on from. Raises `module-not-found` of a
    model without linear layers where the method looks for them."""
    import torch

    wanted = trainer.args.optim_target_modules
    linear = [name for name, module in trainer.model.named_modules() if isinstance(module, torch.nn.Linear)]
    if isinstance(wanted, str) and not any(re.fullmatch(wanted, name) for name in linear):
        kind = type(trainer.model).__name__
        raise WizardError("module-not-found", exit_code=ExitCode.FAILED, name=wanted, kind=kind)
    torch.serialization.add_safe_globals(galore() if tuner == "galore" else apollo())


def galore() -> list[Any]:
    from galore_torch.galore_projector import GaLoreProjector

    return [GaLoreProjector]


def apollo() -> list[Any]:
    from apollo_torch.random_projector import GradientProjector

    return [GradientProjector]
