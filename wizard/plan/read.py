"""The TOML of a run, read back: either a Choice or every problem in it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from wizard import strict
from wizard.contract import HELD_BACK, Choice, DataChoice, Knobs, OtherAdapter, Problem, Serving
from wizard.errors import WizardError

LEAST: Mapping[str, float] = {
    "seq_len": 8,
    "micro_batch": 1,
    "accumulate": 1,
    "rank": 1,
    "alpha": 1,
    "max_steps": 0,
    "save_steps": 1,
    "save_minutes": 0,
    "n_gpus": 1,
    "nodes": 1,
    "sequence_parallel": 1,
    "seed": 0,
    "zero_stage": 0,
    "learning_rate": 1e-9,
    "epochs": 0.001,
    "port": 0,
    "most_worse": 0,
}
MOST: Mapping[str, float] = {"port": 65535, "zero_stage": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    format: Literal[1]
    recipe: str
    model: str
    data: DataChoice
    knobs: Knobs = field(default_factory=Knobs)
    settings: Mapping[str, Any] = field(default_factory=dict)
    questions: tuple[str, ...] = ()
    adapters: tuple[OtherAdapter, ...] = ()
    quantise: str = ""
    most_worse: float = 0.1
    evaluate: bool = False
    benchmarks: tuple[str, ...] = ()
    serve: bool = True
    serving: Serving = field(default_factory=Serving)
    port: int = 0
    hub: Literal["auto", "modelscope", "huggingface"] = "auto"
    revision: str = ""
    engines: Mapping[str, str] = field(default_factory=dict)
    requirements: Mapping[str, str] = field(default_factory=dict)


def from_toml(text: str, file: str) -> Choice:
    config, problems = strict.read(RunConfig, text, file)
    if config is not None:
        problems = tuple(_nonsense(config, strict.lines_of(text), file))
    if problems or config is None:
        raise _error(problems, file)
    values = {item.name: getattr(config, item.name) for item in fields(config) if item.name != "format"}
    return Choice(**values)


def _nonsense(config: RunConfig, lines: Mapping[strict.Path, int], file: str) -> Iterator[Problem]:
    for name, least in LEAST.items():
        path = (name,) if hasattr(config, name) else ("knobs", name)
        value = getattr(config if len(path) == 1 else config.knobs, name)
        params: dict[str, Any] = {"file": file, "key": ".".join(path), "line": lines.get(path, 1)}
        if not value >= least:
            yield Problem(code="toml-too-small", params={**params, "least": f"{least:g}"})
        if value > (most := MOST.get(name, value)):
            yield Problem(code="toml-too-large", params={**params, "most": f"{most:g}"})
    if config.serving.context < 0:
        line = lines.get(("serving", "context"), 1)
        yield Problem(
            code="toml-too-small", params={"file": file, "key": "serving.context", "line": line, "least": "0"}
        )
    if not 0 <= config.data.validation <= HELD_BACK:
        params = {"file": file, "key": "data.validation", "line": lines.get(("data", "validation"), 1)}
        code, bound = ("large", "most") if config.data.validation > 0 else ("small", "least")
        limit = HELD_BACK if code == "large" else 0
        yield Problem(code=f"toml-too-{code}", params={**params, bound: f"{limit:g}"})


def _error(problems: tuple[Problem, ...], file: str) -> WizardError:
    """One problem speaks for itself; several are listed with their lines."""
    told = [{"code": problem.code, "params": dict(problem.params)} for problem in problems]
    if len(problems) == 1:
        return WizardError(problems[0].code, **{**problems[0].params, "problems": told})
    details = "; ".join(_short(problem) for problem in problems)
    return WizardError("config-problems", file=file, count=len(problems), details=details, problems=told)


def _short(problem: Problem) -> str:
    params = problem.params
    subject = params.get("name") or params.get("key") or ""
    hint = params.get("nearest") or params.get("expected") or params.get("least") or params.get("most") or ""
    return f"{params['line']}: `{subject}`" + (f" -> `{hint}`" if hint else "")
