"""From a choice to a plan of stages and environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wizard.contract.catalogue import Knobs
from wizard.contract.datasets import DataChoice
from wizard.contract.verdicts import Verdict

StageName = Literal["fetch", "prepare", "train", "merge", "quantise", "evaluate", "serve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAdapter:
    """One of an earlier training of the same model, that is merged with this training's or served beside it."""

    ref: str  # a run, or a folder
    weight: float = 1.0  # of what it adds, where it is merged
    name: str = ""  # that it is served under, where it is kept apart; empty: as the folder or run is called
    path: str = ""  # where it was found
    sha256: str = ""  # of its weights: others are refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a model is to be served, where a person says so."""

    context: int = 0  # tokens of the longest conversation; 0 = what fits, up to what the model has
    draft: str = ""  # guesses that are checked many at a time: by "ngram", or a smaller model of the catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """All that a person, flags or a file decide."""

    recipe: str
    model: str
    knobs: Knobs
    data: DataChoice
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the trainer, over the recipe's
    questions: tuple[str, ...] = ()
    adapters: tuple[OtherAdapter, ...] = ()
    quantise: str = ""  # the format of the model that is served; empty: as it was trained
    most_worse: float = 0.1  # the share by which its perplexity may be above the unquantised one's
    evaluate: bool = False
    benchmarks: tuple[str, ...] = ()  # beside the rows that were kept back
    serve: bool = True
    serving: Serving = Serving()
    port: int = 0  # 0 = any free one
    hub: Literal["auto", "modelscope", "huggingface"] = "auto"
    revision: str = ""
    engines: Mapping[str, str] = field(default_factory=dict)  # stage -> engine, when forced
    requirements: Mapping[str, str] = field(default_factory=dict)  # environment id -> exact package list (a replay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One engine's environment. Its requirements lie beside plan.json in environments/<id>.txt."""

    id: str  # <engine>-<accelerator>-py311
    engine: str
    accelerator: str
    python: str  # "3.11"
    digest: str  # of requirements, accelerator, Python: the folder's name is <engine>-<digest>
    warm: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    name: StageName
    folder: str  # 03-train
    engine: str
    environment: str  # Environment.id
    assets: tuple[str, ...] = ()  # further environments whose files it reads
    spec: Mapping[str, Any] = field(default_factory=dict)
    rungs: tuple[Mapping[str, Any], ...] = ()  # rung 0 is {}: no concession
    inputs: tuple[str, ...] = ()  # names of earlier stages
    outputs: tuple[str, ...] = ()
    digest: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0  # forecast
    memory_bytes: int = 0
    disk_bytes: int = 0
    service: bool = False  # runs until stopped; never done


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    run: str
    created: float
    language: str
    choice: Choice
    device: Literal["cpu", "cuda"]
    gpus: tuple[int, ...]
    stages: tuple[Stage, ...]
    environments: tuple[Environment, ...]
    forecast: Verdict
    lib: str = ""  # digest of the engine-side code, set at launch
    pretend: str | None = None
    concede: Literal["ask", "self"] = "self"  # who goes down the ladder where a rehearsal finds too little memory
