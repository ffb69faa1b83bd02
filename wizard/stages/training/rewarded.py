"""GRPO and its kin: groups of answers to one question, each learnt as much as it was worth more than its group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from wizard.stages import generator
from wizard.stages.desk import Bench
from wizard.stages.rewards.judging import OURS, Judging, judges_of
from wizard.stages.settings import refused
from wizard.stages.training import asking
from wizard.stages.training.job import Job

ALIKE = 10  # steps in a row in which all answers to a question were worth the same


def make(job: Job, trainer: Any, config: Any) -> Any:
    """`trainer`, `config`: TRL's classes."""
    with refused():
        answer = asking.answer_tokens(job)
        judging = Judging(job.bench, judges(job, answer))
    told = settings_of(job, config, answer)
    rows = asking.rows_for(job, answer)
    asking.check_enough(rows, told)
    model, peft_config = job.tuned(job.model())
    made = trainer(
        model=model,
        reward_funcs=judging.functions,
        args=told,
        train_dataset=rows,
        eval_dataset=asking.kept_back_for(job, answer),
        processing_class=job.tokenizer,
        peft_config=peft_config,
        callbacks=[*job.callbacks, Groups(job.bench)],
    )
    made.data_collator = asking.collated
    return made


def settings_of(job: Job, config: Any, answer: int) -> Any:
    """An object of `config`."""
    with refused():
        changes = {**job.changes, **asking.rehearsed(job, answer), **asking.grouped(job, config)}
        changes |= generator.address(job.order)
        weights = {"reward_weights": None} if job.rows else {}
        job = replace(job, changes={**changes, **weights, "max_completion_length": answer})
        return job.arguments(config, OURS)


def judges(job: Job, answer: int) -> Any:
    """A rehearsal asks for memory and time, not for what answers are worth."""
    if job.rows:
        return {"rehearsal": lambda batch: [0.0] * len(batch.texts)}
    return judges_of(job.bench, job.order.spec["settings"], answer)


class Groups(TrainerCallback):  # type: ignore[misc]
    """Tells once that nothing is learnt: the answers to each question are all worth the same, step after step."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.alike, self.told = bench, 0, False

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "frac_reward_zero_std" not in logs:
            return
        self.alike = self.alike + 1 if logs["frac_reward_zero_std"] == 1.0 else 0
        if self.alike >= ALIKE and not self.told:
            self.told = True
            self.bench.note("rewards-alike", "warning", steps=self.alike, reward=logs.get("reward"))
