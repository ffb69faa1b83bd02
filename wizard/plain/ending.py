"""How a run ends in front of a person: told to its end, its outcome shown, a talk with what is served."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from wizard.contract import RunState
from wizard.errors import ExitCode, WizardError
from wizard.plain import tables
from wizard.plain.follow import follow
from wizard.plain.output import answer, print_json, talk
from wizard.session import Desk, outcome
from wizard.words import say


def finish(desk: Desk, name: str, options: argparse.Namespace) -> int:
    """Tell the run to its end (or until its model answers) and answer with what came out."""
    try:
        state = follow(desk, name, quiet=options.json)
    except KeyboardInterrupt:
        talk(say("plain.detached", run=name))
        return ExitCode.INTERRUPTED
    return conclude(desk, name, state, options)


def conclude(desk: Desk, name: str, state: RunState, options: argparse.Namespace, *, kept: bool = True) -> int:
    if state.status in ("failed", "interrupted", "stopped") and not _all_done(state):
        found = state.problem
        error = (
            WizardError.of(found, ExitCode.FAILED)
            if found
            else WizardError(f"run-{state.status}", run=name, exit_code=ExitCode.FAILED)
        )
        raise error
    result = desk.outcome(name)
    if options.json:
        print_json(outcome.as_json(result))
    else:
        talk(tables.outcome(result, desk, kept=kept and state.status == "serving"))
    return ExitCode.OK


def _all_done(state: RunState) -> bool:
    return all(stage.status in ("done", "ready", "stopped") for stage in state.stages if stage.name != "serve")


def converse(desk: Desk, name: str) -> None:
    """Lines from stdin answered piece by piece, until an empty line or Ctrl-D."""
    history: list[dict[str, str]] = []
    for line in _typed():
        history.append({"role": "user", "content": line})
        pieces = []
        for piece in desk.chat(name, history):
            pieces.append(piece)
            print(piece, end="", flush=True)
        answer()
        history.append({"role": "assistant", "content": "".join(pieces)})


def _typed() -> Iterator[str]:
    """An empty line ends it for a person; a pipe may have some."""
    interactive = sys.stdin.isatty()
    while True:
        if interactive:
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line or (interactive and not line.strip()):
            return
        if line.strip():
            yield line.strip()
