"""What writes a trained model in fewer bits: one module for each library, `make(job)` -> what it tells of its work.

A module writes weights and configuration to `job.part`; what else belongs to a model is carried there by the stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench

MODULES = ("llmcompressor", "gptqmodel", "bitsandbytes", "hqq", "eetq", "gguf")


@dataclass(frozen=True, kw_only=True)
class Job:
    bench: Bench
    source: Path  # the model as it was trained
    part: Path  # an empty folder
    rows: Sequence[Sequence[int]]  # token ids to choose the numbers by; none where the format needs none
    settings: Mapping[str, Any]  # of the format
    device: str  # cpu cuda
    dtype: Any  # of the weights while they are read


def made(maker: str, job: Job) -> dict[str, Any]:
    if maker not in MODULES:
        raise WizardError("maker-unknown", exit_code=ExitCode.USAGE, maker=maker, known=", ".join(MODULES))
    told: dict[str, Any] = import_module(f"wizard.stages.quantising.{maker}").make(job)
    return told
