"""Tells every training step to the journal, hears of the wish to stop, and has the numbers watched."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import FAILED, Bench
from wizard.stages.watching.detectors import detectors
from wizard.stages.watching.pulse import Hang, Pulse
from wizard.stages.watching.seen import Seen

TOKENS = "num_tokens"
LEFT_OUT = ("epoch", "total_flos", TOKENS)
SUMMARY = "train_runtime"  # of a whole training, of which the stage tells itself
SPEEDS = ("_runtime", "_per_second", "_num_tokens")


class Reporter(TrainerCallback):  # type: ignore[misc]
    """`card`: of several, whose crew reads the pulse; alone it ends itself where it hangs."""

    def __init__(self, bench: Bench, fp16: bool = False, card: int | None = None) -> None:
        self.bench = bench
        self.losses: list[float] = []
        self.measures: list[float] = []  # the less the better
        self.tokens = 0.0
        self.watch = detectors(fp16)
        self.step_began = self.step_ended = self.idle = 0.0
        self.waited = 0.0
        place = None if card is None else bench.folder / "pulses" / f"{card}.json"
        self.pulse = Pulse(card or 0, place, self.hangs if card is None else None)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        signal.signal(signal.SIGTERM, self.ask_to_stop)
        self.bench.phase("train")
        self.bench.progress(state.global_step, state.max_steps, "steps")
        self.pulse.beat("start", state.global_step)
        self.pulse.start()

    def ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.bench.asked_to_stop = True

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.step_began = time.perf_counter()
        self.waited = self.step_began - self.idle if self.idle else 0.0
        if self.idle:
            self.pulse.beat("step", state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.step_ended = time.perf_counter()
        self._idle(state)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        path = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
        seconds = round(time.perf_counter() - self.step_ended, 3)
        self.bench.event("checkpoint", step=state.global_step, path=str(path), seconds=seconds)
        self._idle(state)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._idle(state)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.pulse.end()

    def _idle(self, state: TrainerState) -> None:
        self.idle = time.perf_counter()
        self.pulse.beat("rows", state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not logs or SUMMARY in logs:
            return
        values = told_of(logs)
        if "loss" not in logs:
            if values:
                self.bench.metric(state.global_step, state.max_steps, values)
            return
        seconds = self.step_ended - self.step_began
        values["step_seconds"] = round(seconds, 4)
        if TOKENS in logs:
            seen = float(logs[TOKENS])
            values["tokens_per_second"] = round((seen - self.tokens) / seconds, 2)
            self.tokens = seen
        self.bench.metric(state.global_step, state.max_steps, values)
        self.losses.append(values["loss"])
        self.measures.append(measure(values))
        self._look(state.global_step, values)
        self._idle(state)

    def _look(self, step: int, values: dict[str, float]) -> None:
        told = {name: values.get(name) for name in ("grad_norm", "reward")}
        seen = Seen(step=step, loss=values["loss"], seconds=values["step_seconds"], waited=self.waited, **told)
        for finding in filter(None, [detector.see(seen) for detector in self.watch]):
            if finding.stops:
                raise Astray(finding.since, finding.code, exit_code=ExitCode.FAILED, step=step, **finding.params)
            self.bench.note(finding.code, "warning", step=step, **finding.params)

    def hangs(self, hang: Hang) -> None:
        """In a thread: the one that works has not come back for so long."""
        told: dict[str, Any] = {"phase": hang.phase, "step": hang.step, "seconds": hang.seconds}
        self.bench.failed(WizardError("training-hangs", exit_code=ExitCode.FAILED, **told))
        os._exit(FAILED)


class Astray(WizardError):
    """`since`: the first step of which no checkpoint is to be gone on from."""

    def __init__(self, since: int, code: str, /, **params: Any) -> None:
        super().__init__(code, **params)
        self.since = since


def measure(values: Mapping[str, float], prefix: str = "") -> float:
    """The loss; where rewards are learnt from it says nothing, and the reward counts."""
    reward = values.get(f"{prefix}reward")
    return float(values[f"{prefix}loss"]) if reward is None else -float(reward)


def told_of(logs: dict[str, Any]) -> dict[str, float]:
    """Whatever the trainer counts: losses, rewards, margins, divergences; not what is told otherwise."""
    return {
        name: float(value)
        for name, value in logs.items()
        if type(value) in (int, float) and name not in LEFT_OUT and not name.endswith(SPEEDS)
    }
