"""What is laid around a trainer of transformers' kind, whatever it trains and by whatever means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.stages.checkpoints import newest_first, set_aside, step_of
from wizard.stages.desk import Bench
from wizard.stages.keeping import chance, manifest, widths
from wizard.stages.keeping.moments import Interrupted, Moments
from wizard.stages.keeping.rates import Rate
from wizard.stages.keeping.saving import Saving
from wizard.stages.reporter import Reporter, measure

SMOOTHED = 20  # steps whose mean is a checkpoint's loss


VALIDATED = {  # what trainers log -> what is told at the end
    "eval_loss": "validation_loss",
    "eval_reward": "validation_reward",
    "eval_accuracy": "validation_accuracy",
    "eval_mean_error": "validation_mean_error",
}


class Keeper:
    """`start`: the checkpoint that it goes on from."""

    def __init__(self, bench: Bench, trainer: Any, reporter: Reporter, start: Path | None) -> None:
        self.bench, self.trainer, self.reporter = bench, trainer, reporter
        self.rate = float(bench.order.knobs["learning_rate"])
        self.moments = Moments(bench, trainer.eval_dataset is not None)
        self.validation: dict[int, Mapping[str, float]] = {}
        self.evaluate = trainer._evaluate
        trainer._evaluate = self.validated
        trainer.add_callback(self.moments)
        Saving(bench, trainer, self.told, reporter.pulse)
        widths.hold(trainer)
        if start is not None:
            self._go_on_at(float(manifest.read(start)["learning_rate"]))

    def _go_on_at(self, before: float) -> None:
        if before != self.rate:
            self.trainer.add_callback(Rate(self.rate / before))
            self.bench.note("learning-rate-changed", "warning", before=before, rate=self.rate)

    def validated(self, *given: Any, **more: Any) -> Mapping[str, float]:
        """Nothing that the training draws by chance depends on whether there was time for it."""
        began = time.monotonic()
        self.bench.phase("validate")
        self.reporter.pulse.beat("validate")
        try:
            with chance.untouched():
                told: Mapping[str, float] = self.evaluate(*given, **more)
        except Interrupted:
            control = self.trainer.control
            control.should_save = control.should_training_stop = True
            return {}
        finally:
            self.moments.evaluated(time.monotonic() - began)
            self.bench.phase("train")
        self.validation[self.trainer.state.global_step] = told
        return told

    def last_validation(self) -> dict[str, float]:
        """What is told of the trained model's. Raises `Interrupted`."""
        step = self.trainer.state.global_step
        if step not in self.validation:
            self.bench.phase("validate")
            self.validation[step] = self.trainer.evaluate()
        found = self.validation[step]
        return {
            name: round(float(found[logged]), 6)
            for logged, name in VALIDATED.items()
            if isinstance(found.get(logged), (int, float))
        }

    def told(self) -> dict[str, Any]:
        """What a checkpoint's manifest says of its model."""
        last = self.reporter.measures[-SMOOTHED:]
        facts: dict[str, Any] = {"learning_rate": self.rate}
        if last:
            facts["training"] = sum(last) / len(last)
        if (found := self.validation.get(self.trainer.state.global_step)) is not None:
            facts["validation"] = measure(found, "eval_")
        return facts


def forget_from(bench: Bench, checkpoints: Path, step: int) -> None:
    """Those from this step on hold what went astray; they are kept under another name."""
    for checkpoint in newest_first(checkpoints):
        if step_of(checkpoint) >= step:
            set_aside(checkpoint, "astray", bench.order.attempt)
