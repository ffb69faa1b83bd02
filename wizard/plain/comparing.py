"""`evaluate` and `compare`: evaluations in one table, as a picture, as a page to judge blind, and by a judge model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from wizard.contract import Result
from wizard.errors import ExitCode, WizardError
from wizard.journal import Event
from wizard.plain.estimating import teller
from wizard.plain.output import answer, print_json, table, talk
from wizard.session import Desk, figures
from wizard.session.comparing import Cell, Column, Compared, as_json
from wizard.words import pick, say


def compare(desk: Desk, options: argparse.Namespace) -> int:
    names = options.runs or [newest(desk)]
    if options.judge:
        for name in names:
            desk.evaluations.judge(name, options.judge, judging)
    found = desk.evaluations.compared(names)
    titles = titles_of(desk)
    if options.picture:
        written(Path(options.picture), figures.picture(found, titles))
    if options.blind:
        written(Path(options.blind), desk.evaluations.page(names[0]))
    if options.json:
        print_json(as_json(found))
    else:
        answer("\n".join(lines(found, titles)))
    return ExitCode.OK


def evaluate(desk: Desk, options: argparse.Namespace) -> int:
    """A finished run that did without, or its checkpoints; then its figures, as `compare` tells them."""
    name = desk.folder(options.run).path.name if options.run else next(iter(runs_of(desk)))
    told = options.benchmark  # one text, where its twin in the environment gave it
    benchmarks = told.split() if isinstance(told, str) else told
    desk.evaluations.make(name, benchmarks, teller(), heard, checkpoints=options.checkpoints)
    found = desk.evaluations.compared([name])
    if options.json:
        print_json(as_json(found))
    else:
        answer("\n".join(lines(found, titles_of(desk))))
    return ExitCode.OK


def runs_of(desk: Desk) -> list[str]:
    if not (found := [state.run for state in desk.runs()]):
        raise WizardError("no-runs")
    return found


def heard(event: Event) -> None:
    if event["kind"] == "phase":
        talk(say(f"phase.{event['code']}"))
    elif event["kind"] == "note":
        talk(f"! {say('note.' + event['code'], **event['params'])}")


def titles_of(desk: Desk) -> dict[str, str]:
    return {name: pick(each.title) for name, each in desk.catalog().benchmarks.items()}


def judging(done: int, of: int) -> None:
    talk(say("evaluated.judging", done=done, of=of))


def newest(desk: Desk) -> str:
    """The last run that has been evaluated."""
    name = next(iter(desk.evaluations.names), None)
    if name is None:
        raise WizardError("none-evaluated")
    return name


def written(path: Path, text: str) -> None:
    try:
        path.expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise WizardError("cannot-write-file", path=str(path), error=why, exit_code=ExitCode.FAILED) from error
    talk(say("evaluated.wrote", path=path))


def lines(found: Compared, titles: Mapping[str, str]) -> Iterator[str]:
    runs = len({column.run for column in found.columns})
    head = [say("evaluated.column"), *(figures.title_of(column, runs) for column in found.columns)]
    rows = [head]
    for line in figures.shown(found):
        rows.append([figures.line_title(line, titles), *(cell_text(cell) for cell in line.cells)])
    yield table(rows)
    yield ""
    yield say("evaluated.legend")
    for run, old, new in found.lost:
        yield lost(run, old, new, titles)
    for run in found.seen:
        yield say("evaluated.seen", run=run)


def lost(run: str, old: Result, new: Result, titles: Mapping[str, str]) -> str:
    """Of the trained model, or of what else is named."""
    source = figures.source(new.source, titles)
    who = run if new.subject == "tuned" else figures.title_of(Column(run=run, subject=new.subject), 2)
    told = {"run": who, "source": source, "measure": figures.measure(new.measure)}
    return say("evaluated.lost", before=f"{old.value:.4g}", after=f"{new.value:.4g}", **told)


def cell_text(cell: Cell | None) -> str:
    return figures.number(cell) if cell else "-"
