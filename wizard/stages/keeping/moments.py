"""When a checkpoint is written: after so many steps, after so many minutes, when asked to stop; and validation with it.

transformers saves by steps itself; this adds the rest, and holds back what could not be gone on from exactly.
"""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from wizard.contract.sharing import world_of
from wizard.stages.desk import Bench
from wizard.stages.keeping import chance
from wizard.stages.sharing import anywhere, most, steps_between

VALIDATING = 0.05  # of the time at most goes into the rows kept back while training
LATE, STOP = 1, 2


class Interrupted(Exception):
    """Validating was broken off, as the stage shall stop."""


class Moments(TrainerCallback):  # type: ignore[misc]
    """`validates`: whether there are rows kept back."""

    def __init__(self, bench: Bench, validates: bool) -> None:
        self.bench, self.validates = bench, validates
        self.seconds = float(bench.order.knobs["save_minutes"]) * 60
        self.alone = world_of(bench.order.knobs) == 1
        self.due = self.stopping = False
        self.saved = self.validated = time.monotonic()
        self.validating = 0.0  # seconds that it took last
        self.between: Any = None  # two steps: the random numbers as they were; none before the first of this process

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.saved = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        late = self.due or 0 < self.seconds <= time.monotonic() - self.saved
        told = most(STOP if self.bench.asked_to_stop else LATE * late, args.device)
        self.stopping, self.due = told == STOP, bool(told) or control.should_save
        ready = self._ready(args, state)
        control.should_save = self.due and ready
        control.should_training_stop |= self.stopping and ready
        if control.should_save and self.validates and not self.stopping:
            last = state.global_step >= state.max_steps
            control.should_evaluate |= last or anywhere(self._may_validate(), args.device)
        if self.alone and args.gradient_accumulation_steps > 1:
            self.between = chance.drawn()

    def on_substep_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Asked to stop between micro-batches: what was learnt lies there as the step before left it, and so do the
        random numbers. Several cards go on to the end of the step, where they ask one another anyway."""
        if self.alone and self.bench.asked_to_stop and self._ready(args, state):
            self.stopping = control.should_training_stop = True
            control.should_save = self.between is not None
            if self.between is not None:
                chance.draw_from(self.between)

    def on_prediction_step(self, args: TrainingArguments, *_: Any, **__: Any) -> None:
        if anywhere(self.bench.asked_to_stop, args.device):
            raise Interrupted

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.due, self.saved = False, time.monotonic()
        self.stopping |= anywhere(self.bench.asked_to_stop, args.device)
        control.should_training_stop |= self.stopping

    def evaluated(self, seconds: float) -> None:
        self.validated, self.validating = time.monotonic(), seconds

    def _may_validate(self) -> bool:
        return time.monotonic() - self.validated >= self.validating / VALIDATING

    def _ready(self, args: TrainingArguments, state: TrainerState) -> bool:
        return bool(state.global_step % period(args) == 0 or state.global_step >= state.max_steps)


def period(args: TrainingArguments) -> int:
    """Steps that learn from the answers of one generation, by TRL's trainers that generate: those not yet learnt from
    are in no checkpoint, so that only whole generations can be gone on from."""
    each = getattr(args, "steps_per_generation", None) or 1
    return steps_between(each * (getattr(args, "num_iterations", None) or 1), args.gradient_accumulation_steps)
