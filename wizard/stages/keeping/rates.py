"""Another learning rate than a checkpoint was trained with, whose optimizer and schedule would bring theirs back."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class Rate(TrainerCallback):  # type: ignore[misc]
    """`factor`: of the rate wanted over the checkpoint's; every group of weights keeps its share of it."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        optimizer: Any = None,
        lr_scheduler: Any = None,
        **_: Any,
    ) -> None:
        """Once the checkpoint is loaded."""
        for name in ("base_lrs", "_last_lr"):
            setattr(lr_scheduler, name, [rate * self.factor for rate in getattr(lr_scheduler, name)])
        for group in optimizer.param_groups:
            for name in ("lr", "initial_lr"):
                if name in group:
                    group[name] = group[name] * self.factor
