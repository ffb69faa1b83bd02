"""Training in which the model writes the answers that it learns from (GRPO, RLOO, distillation): how many there are,
how long they may be, and what writing them takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wizard.contract import Knobs
from wizard.contract.answers import answer_tokens
from wizard.fit.memory.step import GENERATING, Step
from wizard.fit.offering.evaluating import CARD_BYTES_PER_SECOND, RAM_BYTES_PER_SECOND
from wizard.fit.offering.flops import flops_per_token
from wizard.fit.offering.work import Load

GROUP = {"grpo": 8, "rloo": 2}  # answers to a question where a recipe does not say (TRL 1.16)


def answered(load: Load, task: str, trainer: str, settings: Mapping[str, Any], seq_len: int) -> Load:
    """Of a load of questions the rows that are learnt from: each with its answers. `task`: the law's."""
    if task not in GENERATING:
        return load
    answers = load.rows * int(settings.get("num_generations", GROUP.get(trainer, 1)))
    return replace(load, rows=answers, row_tokens=min(load.row_tokens + answer_tokens(settings, seq_len), seq_len))


def writing_seconds(step: Step, knobs: Knobs, settings: Mapping[str, Any], flops: float) -> float:
    """The answers of one step on each card, made together: for a token of all of them the weights are read once, or
    there is more to compute than that. 0 where none are made; `flops`: a second."""
    if step.task not in GENERATING:
        return 0.0
    reading = step.params * (4 / RAM_BYTES_PER_SECOND if step.cpu else 2 / CARD_BYTES_PER_SECOND)
    together = knobs.micro_batch * -(-knobs.accumulate // knobs.readers)
    computing = together * flops_per_token(step.architecture, knobs.seq_len) / flops
    return answer_tokens(settings, knobs.seq_len) * max(reading, computing)
