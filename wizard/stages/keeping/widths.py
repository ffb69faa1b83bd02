"""What comes back from a checkpoint is as wide as it was: PEFT widens adapters of 16 bits when it loads them
(`autocast_adapter_dtype`), as they are beside a base in 4 or 8 bits, and the run would go on as another one."""

from __future__ import annotations

from typing import Any


def hold(trainer: Any) -> None:
    """Around a trainer's `_load_from_checkpoint`, which comes before the optimizer is made."""
    load = trainer._load_from_checkpoint

    def loaded(checkpoint: str, *given: Any, **named: Any) -> None:
        widths = {name: weights.dtype for name, weights in trainer.model.named_parameters() if weights.requires_grad}
        load(checkpoint, *given, **named)
        for name, weights in trainer.model.named_parameters():
            if name in widths:
                weights.data = weights.data.to(widths[name])

    trainer._load_from_checkpoint = loaded
