"""What a finished run shows: the answers before and after, and where everything is. Read from the run folder alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wizard import words
from wizard.contract import Plan, Problem, RunState
from wizard.journal import RunFolder

MEASURES = ("loss", "validation_loss", "validation_accuracy", "validation_mean_error", "validation_reward")
SHOWN: Mapping[str, Mapping[str, str]] = {  # stage -> its output -> as it is shown
    "prepare": {"report": "report"},
    "train": {"adapter": "adapter", "model": "trained"},
    "merge": {"merged": "merged"},
    "quantise": {"quantised": "quantised"},
    "evaluate": {"report": "evaluation"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    run: str
    questions: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    parity: Mapping[str, Any]
    seconds: Mapping[str, float]
    paths: Mapping[str, str]  # adapter or trained, merged config report log: those that exist
    endpoint: str = ""
    model: str = ""
    engine: str = ""
    why: tuple[Problem, ...] = ()  # this engine, and none of those before it
    rehearsal: Mapping[str, Any] = field(default_factory=dict)  # predicted, measured, ratio
    losses: Mapping[str, float] = field(default_factory=dict)  # loss, validation_loss ..., where rows were kept back
    quantised: Mapping[str, Any] = field(default_factory=dict)  # what the stage found, with `format` and `most_worse`
    texts: tuple[str, ...] = ()  # of the data, among which a model that makes vectors or ranks looks
    prompts: Mapping[str, int] = field(default_factory=dict)  # talks, tokens: the same at the endpoint as in training
    measured: tuple[Mapping[str, Any], ...] = ()  # subject, measure, value, source, n: an evaluation's main figures
    trained: bool = True  # else `before` is the same model in all its bits


def read(folder: RunFolder, plan: Plan, state: RunState) -> Outcome:
    results = {stage.name: dict(stage.result) for stage in state.stages}
    merge, quantise, serve = (results.get(stage, {}) for stage in ("merge", "quantise", "serve"))
    return Outcome(
        run=plan.run,
        questions=plan.choice.questions,
        before=tuple(merge.get("before", ()) if merge else quantise.get("answers", {}).get("before", ())),
        after=tuple(serve.get("after", ()) if plan.choice.serve else quantise.get("answers", {}).get("after", ())),
        parity=merge.get("parity", {}),
        seconds=_seconds(state),
        paths=_paths(folder, plan),
        endpoint=state.endpoint or str(serve.get("endpoint", "")),
        model=state.served_model,
        engine=state.served_engine or str(serve.get("engine", "")),
        why=tuple(Problem(code=told["code"], params=told["params"]) for told in _why(plan)),
        rehearsal=results.get("train", {}).get("rehearsal", {}),
        losses=_losses(results.get("train", {})),
        quantised=_quantised(plan, quantise),
        texts=tuple(merge.get("texts", ())),
        prompts=serve.get("prompts") or merge.get("prompts", {}),
        measured=tuple(results.get("evaluate", {}).get("results", ())),
        trained=bool(merge),
    )


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The object of `demo --json`."""
    return {
        "run": outcome.run,
        "seconds": dict(outcome.seconds),
        "questions": list(outcome.questions),
        "before": list(outcome.before),
        "after": list(outcome.after),
        "endpoint": outcome.endpoint,
        "model": outcome.model,
        "engine": outcome.engine,
        "why": [_in_english(told) for told in outcome.why],
        "adapter_parity": dict(outcome.parity),
        "prompt_parity": dict(outcome.prompts),
        "paths": dict(outcome.paths),
        **({"losses": dict(outcome.losses)} if outcome.losses else {}),
        **({"quantised": dict(outcome.quantised)} if outcome.quantised else {}),
        **({"measured": list(outcome.measured)} if outcome.measured else {}),
        **({"rehearsal": dict(outcome.rehearsal)} if outcome.rehearsal else {}),
    }


def _losses(train: Mapping[str, Any]) -> dict[str, float]:
    """Beside one another they say whether rows were understood or learned by heart."""
    if train.get("validation_loss") is None:
        return {}
    return {name: float(train[name]) for name in MEASURES if train.get(name) is not None}


def _quantised(plan: Plan, found: Mapping[str, Any]) -> dict[str, Any]:
    if not found:
        return {}
    return {"format": plan.choice.quantise, "most_worse": plan.choice.most_worse, **found}


def _why(plan: Plan) -> Sequence[Mapping[str, Any]]:
    return next((stage.spec.get("why", ()) for stage in plan.stages if stage.name == "serve"), ())


def _in_english(told: Problem) -> dict[str, Any]:
    texts = words.problem(told.code, told.params, "en")
    return {"code": told.code, "what": texts["what"], "why": texts["why"], "params": dict(told.params)}


def _seconds(state: RunState) -> dict[str, float]:
    return {
        stage.name: round(max(0.0, (stage.ended or state.updated) - stage.started), 2)
        for stage in state.stages
        if stage.started
    }


def _paths(folder: RunFolder, plan: Plan) -> dict[str, str]:
    paths = {"config": str(folder.config)} if folder.config.exists() else {}
    for stage in plan.stages:
        done = folder.stage(stage.folder).done
        if done.exists():
            outputs = json.loads(done.read_text(encoding="utf-8")).get("outputs", {})
            shown = SHOWN.get(stage.name, {})
            paths |= {shown[name]: str(Path(path)) for name, path in outputs.items() if name in shown}
    return paths
