"""What happened in a run, and the state that is shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wizard.contract.problem import Problem
from wizard.contract.rehearsals import Rehearsal

StageStatus = Literal["waiting", "building", "running", "ready", "done", "failed", "stopped"]
RunStatus = Literal["running", "serving", "done", "failed", "stopped", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    step: int
    total: int
    values: Mapping[str, float]
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line of what is going on, for people: a word key note.<code> and its parameters."""

    at: float
    stage: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    level: Literal["info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    name: str
    status: StageStatus = "waiting"
    attempt: int = 0
    rung: int = 0
    phase: str = ""  # a word key phase.<code>
    done: float = 0.0
    total: float = 0.0
    unit: str = ""  # bytes rows steps packages
    rate: float = 0.0  # of these units, a second; 0: not told
    started: float = 0.0
    ended: float = 0.0  # of a service that is up: when it was ready
    problem: Problem | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    rehearsal: Rehearsal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    run: str
    status: RunStatus
    stages: tuple[StageState, ...]
    stage: str = ""  # the current or last one
    step: int = 0
    total: int = 0
    latest: Mapping[str, float] = field(default_factory=dict)
    best_loss: float | None = None
    series: tuple[Metric, ...] = ()  # strided sample, oldest first; a resumed step counts once, the last wins
    exact: bool = True  # False while only the tail and a sample were read
    meter: Mapping[str, float] = field(default_factory=dict)  # newest gauges: cpu_percent rss_bytes gpu0_used_bytes ...
    forecast: Mapping[str, float] = field(default_factory=dict)  # of the training, once its rows are counted
    notes: tuple[Note, ...] = ()
    endpoint: str = ""
    served_model: str = ""
    served_engine: str = ""
    checkpoint_step: int = 0
    checkpoint_at: float = 0.0
    problem: Problem | None = None
    started: float = 0.0
    updated: float = 0.0

    @property
    def leading(self) -> str:
        """Tells whether the training goes well: the loss, which stays near 0 where answers are rewarded."""
        return "reward" if "reward" in self.latest else "loss"
