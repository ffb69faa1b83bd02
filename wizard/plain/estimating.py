"""`estimate`: one case as a table, or many as JSON lines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from wizard.contract import Problem
from wizard.errors import ExitCode, WizardError
from wizard.plain import ESTIMATE_FLAGS
from wizard.plain.output import answer, print_json, problem_data, table, talk
from wizard.session import Desk, Estimate
from wizard.words import say, units


def estimate(desk: Desk, options: argparse.Namespace) -> int:
    if options.cases:
        return _cases(desk)
    if not options.model:
        raise WizardError("estimate-lacks-model")
    found = desk.estimate(options.model, case_of(options), simulate=options.simulate, progress=_tell)
    if options.json:
        print_json(found.as_data())
    else:
        answer(shown(found))
    return ExitCode.OK


def _cases(desk: Desk) -> int:
    """Problems are answers too: each line stands for itself."""
    for id, found in desk.cases(sys.stdin):
        told = {"problem": problem_data(found)} if isinstance(found, Problem) else found
        answer(json.dumps({"id": id, **told}, ensure_ascii=False))
    return ExitCode.OK


def case_of(options: argparse.Namespace) -> dict[str, Any]:
    given = {name: value for name in ESTIMATE_FLAGS if (value := getattr(options, name)) is not None}
    return {name: typed(value) for name, value in given.items()}


def typed(text: str) -> Any:
    """As JSON has it where it is JSON, else a word: 2048, true, adamw_8bit."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _tell(phase: str, done: int, total: int) -> None:
    if done in (0, total):
        talk(say("estimate.environment", phase=say(f"environment.{phase}")))


def shown(found: Estimate) -> str:
    rows = [[say(f"term.{term.label}"), units.gib(term.bytes), term.formula] for term in found.peak.terms]
    lines = [
        say("estimate.title", model=found.title, rows=found.rows, length=found.length),
        say("estimate.moment", moment=say(f"moment.{found.peak.moment}"), basis=say(f"basis.{found.peak.basis}")),
        "",
        table(rows),
        "",
    ]
    sizes = {name: units.gib(getattr(found.peak, f"{name}_bytes")) for name in ("peak", "reserved", "card", "safe")}
    lines += [table([[say(f"estimate.{name}"), size] for name, size in sizes.items()]), ""]
    lines.append(say("estimate.cards", cards=found.cards) if found.cards else say("estimate.no_card"))
    if found.here:
        lines.append(say(f"estimate.here_{found.here}", free=units.gib(found.capacity_bytes)))
    if found.simulated:
        lines += ["", _simulated(found.simulated, found.law_bytes)]
    return "\n".join(lines)


def _simulated(result: Mapping[str, Any], law: int) -> str:
    apart = 100 * (law / result["peak_bytes"] - 1)
    told = {"peak": units.gib(result["peak_bytes"]), "law": units.gib(law), "seconds": result["seconds"]}
    return say("estimate.simulated", **told, apart=f"{apart:+.1f} %")
