"""Tells every training step to the journal, and stops the trainer when asked or when the loss is lost."""

from __future__ import annotations

import math
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench
from wizard.stages.sharing import anywhere

TOLD = ("loss", "grad_norm", "learning_rate", "reward", "reward_std", "frac_reward_zero_std", "kl", "entropy",
        "completions/mean_length", "completions/clipped_ratio")  # fmt: skip


def told(logs: dict[str, Any]) -> list[str]:
    """Also what each reward gave, by its name; TRL logs None where nothing was judged."""
    return [
        name
        for name, value in logs.items()
        if isinstance(value, (int, float)) and (name in TOLD or name.startswith("rewards/"))
    ]


class Reporter(TrainerCallback):  # type: ignore[misc]
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.asked_to_stop = False
        self.losses: list[float] = []
        self.tokens = 0.0
        self.step_began = self.step_ended = time.perf_counter()

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        signal.signal(signal.SIGTERM, self.ask_to_stop)
        self.bench.phase("train")
        self.bench.progress(state.global_step, state.max_steps, "steps")

    def ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.step_began = time.perf_counter()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.step_ended = time.perf_counter()
        self.asked_to_stop = anywhere(self.asked_to_stop, args.device)
        if self.asked_to_stop:
            control.should_save = True
            control.should_training_stop = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        seconds = self.step_ended - self.step_began
        seen = float(logs.get("num_tokens", self.tokens))
        values = {name: float(logs[name]) for name in told(logs)}
        values |= {"tokens_per_second": round((seen - self.tokens) / seconds, 2), "step_seconds": round(seconds, 4)}
        self.tokens = seen
        self.bench.metric(state.global_step, state.max_steps, values)
        if not all(math.isfinite(values.get(name, 0.0)) for name in ("loss", "grad_norm")):
            raise WizardError("loss-not-finite", exit_code=ExitCode.FAILED, step=state.global_step)
        self.losses.append(values["loss"])

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        path = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        seconds = round(time.perf_counter() - self.step_ended, 3)
        self.bench.event("checkpoint", step=state.global_step, path=str(path), seconds=seconds)
