"""Counts a rehearsal's steps and takes their time and their memory."""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from wizard.stages.desk import Bench
from wizard.stages.meters import Meter


class Pace(TrainerCallback):  # type: ignore[misc]
    def __init__(self, bench: Bench, meter: Meter, total: int) -> None:
        self.bench, self.meter, self.total = bench, meter, total
        self.done = 0
        self.ends: list[float] = []

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.meter.reset()

    def on_substep_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._count()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._count()
        self.ends.append(time.perf_counter())

    def _count(self) -> None:
        self.done += 1
        self.bench.progress(self.done, self.total, "steps")

    @property
    def step_seconds(self) -> float:
        """Of one optimizer step; the first one, which warms everything up, does not count."""
        return (self.ends[-1] - self.ends[0]) / max(1, len(self.ends) - 1)
