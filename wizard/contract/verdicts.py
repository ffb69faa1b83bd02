"""What fits a machine: terms, remedies, verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wizard.contract.catalogue import Knobs
from wizard.contract.problem import Problem

FitStatus = Literal["fits", "tight", "no"]
Basis = Literal["measured", "simulated", "estimated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    label: str  # a word key: term.<label>
    bytes: int
    formula: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A change that would lift a `no`: code is a word key remedy.<code>."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    beside: tuple[Remedy, ...] = ()  # what else it takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What an engine is asked for on these cards, decided with the plan. `cache`: how it holds keys and values."""

    context: int  # tokens of the longest conversation
    cards: int = 1
    cache: Literal["auto", "fp8"] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A server that writes the answers of a training, on cards of its own; bytes of the one with the least room."""

    gpus: tuple[int, ...]  # of the verdict's
    needed_bytes: int  # for one question and its answer at a time
    safe_bytes: int
    capacity_bytes: int
    passing_bytes: int  # of new weights on their way to it, beside what it takes when it starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    recipe: str
    model: str
    task: str
    method: str
    knobs: Knobs
    status: FitStatus
    peak_bytes: int
    reserved_bytes: int
    card_bytes: int
    safe_bytes: int
    capacity_bytes: int
    moment: str
    terms: tuple[Term, ...]
    basis: Basis = "estimated"
    reason: Problem | None = None  # why not, when status is no
    also: tuple[Problem, ...] = ()  # all other reasons
    remedies: tuple[Remedy, ...] = ()
    gave_up: tuple[Mapping[str, Any], ...] = ()  # rungs of the ladder that were needed to fit
    seconds: float = 0.0
    ram_bytes: int = 0
    disk_bytes: int = 0
    download_bytes: int = 0
    device: Literal["cpu", "cuda"] = "cpu"
    engines: Mapping[str, str] = field(default_factory=dict)  # stage -> engine chosen on this machine
    engine_notes: tuple[Problem, ...] = ()  # why a better engine was passed over
    room: Room | None = None  # of the engine that serves
    recommended: bool = False
    needs_hub: bool = False  # the model would have to be downloaded, and no hub that has it answers
    gpus: tuple[int, ...] = ()  # the cards it was judged on
    generator: Generator | None = None
    accelerator: str = "cpu"
    pythons: Mapping[str, str] = field(default_factory=dict)  # engine -> "3.11"
    rungs: tuple[Mapping[str, Any], ...] = ()  # concessions left below these knobs, each whole; rung 0 is {}
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    stage_memory: Mapping[str, int] = field(default_factory=dict)
    stage_disk: Mapping[str, int] = field(default_factory=dict)
    ram_stage: str = ""  # the stage that ram_bytes is for
    merge_device: Literal["cpu", "cuda"] = "cpu"  # the merge computes in fp32: the card may be too small for it
    merge_weight_bytes: int = 4  # how it holds a weight
    step_seconds: float = 0.0  # of one training step on rows of the full length, accumulation included; of a token
    cache_bytes: int = 0  # where nothing is trained: keys and values of so many conversations of the full length
    case: Mapping[str, str] = field(default_factory=dict)  # what a rehearsal must share with it to count as measured
