"""How a run ends in front of a person: told to its end, and its outcome shown."""

from __future__ import annotations

import argparse

from wizard.contract import RunState
from wizard.errors import ExitCode, WizardError
from wizard.plain import tables
from wizard.plain.follow import follow
from wizard.plain.output import print_json, problem, problem_data, talk
from wizard.plain.tokens import given
from wizard.session import Desk, outcome
from wizard.words import say


def finish(desk: Desk, name: str, options: argparse.Namespace) -> int:
    """Tell the run to its end (or until its model answers) and answer with what came out."""
    try:
        state = follow(desk, name, quiet=options.json)
        if state.problem and state.status == "failed" and given(desk, state.problem, options):
            state = follow(desk, desk.resume(name), quiet=options.json)
    except KeyboardInterrupt:
        talk(say("plain.detached", run=name))
        return ExitCode.INTERRUPTED
    return conclude(desk, name, state, options)


def conclude(desk: Desk, name: str, state: RunState, options: argparse.Namespace, *, kept: bool = True) -> int:
    """A run that only failed to serve has made its model: where that is is told beside what went wrong."""
    error = _error(name, state)
    if error and not _made(state):
        raise error
    result = desk.outcome(name)
    if options.json:
        print_json(outcome.as_json(result) | ({"problem": problem_data(error.problem)} if error else {}))
    else:
        talk(tables.outcome(result, desk, kept=kept and state.status == "serving"))
        if error:
            talk()
            problem(error.problem)
    return error.exit_code if error else ExitCode.OK


def _error(name: str, state: RunState) -> WizardError | None:
    if state.status not in ("failed", "interrupted", "stopped"):
        return None
    if state.problem:
        return WizardError.of(state.problem, ExitCode.FAILED)
    return WizardError(f"run-{state.status}", run=name, exit_code=ExitCode.FAILED)


def _made(state: RunState) -> bool:
    return all(stage.status == "done" for stage in state.stages if stage.name != "serve")
