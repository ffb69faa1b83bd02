"""Rewards as TRL's trainers call them, by the names that a recipe's `rewards` has."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench
from wizard.stages.rewards import exact, form, length, own_file, repetition
from wizard.stages.rewards.sandbox import Sandbox, named

OURS = ("rewards", "reward_file", "reward_seconds", "format_pattern", "length_target")  # settings that TRL has not
NAMES = ("exact", "format", "length", "overlong", "repetition")
OWN = "file"
SECONDS = 60.0  # of a batch, for the user's file


@dataclass(frozen=True, kw_only=True)
class Batch:
    """`prompts`: the last question of each row. `texts`, `lengths`: of its answers, in letters and tokens."""

    prompts: Sequence[str]
    texts: Sequence[str]
    lengths: Sequence[int]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)


Scores = Sequence[float | None]
Judge = Callable[[Batch], Scores]


def judges_of(bench: Bench, settings: Mapping[str, Any], most: int) -> dict[str, Judge]:
    """`settings`: the recipe's and the user's; `most`: the longest answer in tokens. Raises the Problem of a name that
    is none, of a pattern or a file that is broken."""
    named_ones = settings.get("rewards", ())
    names = [named_ones] if isinstance(named_ones, str) else list(named_ones)
    if unknown := [name for name in names if name not in NAMES]:
        raise WizardError("reward-unknown", exit_code=ExitCode.FAILED, name=unknown[0], known=", ".join(NAMES))
    known = {name: built_in(name, settings, most) for name in names}
    if told := settings.get("reward_file"):
        known[OWN] = by_file(bench, str(told), positive(settings, "reward_seconds", SECONDS))
    if not known:
        raise WizardError("reward-missing", exit_code=ExitCode.FAILED, known=", ".join(NAMES))
    weights = settings.get("reward_weights")
    if weights is not None and len(weights) != len(known):
        told = {"weights": len(weights), "rewards": ", ".join(known)}
        raise WizardError("reward-weights", exit_code=ExitCode.FAILED, **told)
    return known


def positive(settings: Mapping[str, Any], name: str, usual: float) -> float:
    value = settings.get(name, usual)
    if type(value) not in (int, float) or not 0 < value < math.inf:
        raise WizardError("reward-number", exit_code=ExitCode.FAILED, name=name, value=str(value))
    return float(value)


def built_in(name: str, settings: Mapping[str, Any], most: int) -> Judge:
    if name == "length":
        near = partial(length.near, positive(settings, "length_target", most // 2))
        return lambda batch: near(batch.lengths)
    if name == "overlong":
        return lambda batch: length.overlong(most, batch.lengths)
    if name == "format" and (pattern := settings.get("format_pattern")):
        wanted = form.compiled(str(pattern))
        return lambda batch: form.matching(wanted, batch.texts)
    if name == "exact":
        return lambda batch: exact.reward(batch.texts, batch.columns.get("solution", ()))
    judge = {"format": form.reward, "repetition": repetition.reward}[name]
    return lambda batch: judge(batch.texts)


def by_file(bench: Bench, named_file: str, seconds: float) -> Judge:
    """Rows that it cannot judge have no reward from it, which is told once for each fault."""
    file = own_file.kept(bench, named_file)
    sandbox = Sandbox(file, bench.folder, seconds, hidden=[Path(bench.order.home) / "secrets"])
    if not sandbox.closed:
        bench.note("reward-file-open", "warning", path=str(file))
    told: set[str] = set()

    def judge(batch: Batch) -> Scores:
        asked = {**batch.columns, "prompts": list(batch.prompts), "completions": list(batch.texts)}
        scores, faults = sandbox.judge(asked)
        for fault in faults:
            if fault["error"] not in told and len(told) < 20:
                told.add(fault["error"])
                row = named(asked, fault["place"])
                bench.note("reward-row-failed", "warning", path=str(file), log=str(sandbox.log), row=row, **fault)
        return scores

    return judge


class Judging:
    """The judges as TRL's functions, and what none of them could judge."""

    def __init__(self, bench: Bench, judges: Mapping[str, Judge]) -> None:
        self.bench = bench
        self.names = list(judges)
        self.functions = [self._function(name, judge) for name, judge in judges.items()]
        self.judged = False  # anything, ever
        self.here: list[Scores] = []
        self.seconds = 0.0

    def _function(self, name: str, judge: Judge) -> Callable[..., list[float | None]]:
        def function(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[float | None]:
            began = time.perf_counter()
            scores = list(judge(batch_of(prompts, completions, completion_ids, columns)))
            self.seconds += time.perf_counter() - began
            self._watch(name, scores)
            return scores

        function.__name__ = name  # under which TRL logs it
        return function

    def _watch(self, name: str, scores: Scores) -> None:
        """A batch that nobody can judge teaches nothing, and TRL goes on: the first one ends it, later ones may be."""
        self.here.append(scores)
        if len(self.here) < len(self.names):
            return
        nothing = all(score is None for scores in self.here for score in scores)
        self.here = []
        if nothing and not self.judged:
            raise WizardError("rewards-none", exit_code=ExitCode.FAILED, rewards=", ".join(self.names))
        self.judged = True


TRL_OWN = ("trainer_state", "log_extra", "log_metric", "environments")


def batch_of(prompts: Any, completions: Any, ids: Any, columns: Mapping[str, Any]) -> Batch:
    """Conversations as texts: `messages` are those that lead to the answer."""
    told = {name: values for name, values in columns.items() if name not in TRL_OWN}
    return Batch(
        prompts=[text_of(turns) for turns in prompts],
        texts=[text_of(turns) for turns in completions],
        lengths=[len(each) for each in ids],
        columns={"messages": list(prompts), **told},
    )


def text_of(turns: Any) -> str:
    if isinstance(turns, str):
        return turns
    said = turns[-1].get("content") if turns else ""
    return said if isinstance(said, str) else "".join(part.get("text", "") for part in said or ())
