"""`data SOURCE`: what a data source is recognised as, and what of its rows would be learnt."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from wizard.contract import DataReport, Knobs
from wizard.errors import ExitCode, WizardError
from wizard.plain import rows
from wizard.plain.output import answer, print_json
from wizard.session import Desk, as_data, goals
from wizard.view.reading import as_lines

EXAMPLE = "question=ask"
COMMAND = " data"


def data(desk: Desk, options: argparse.Namespace) -> int:
    told, sources = mapping_of(options.map, options.sources)
    if not sources:
        raise WizardError("usage-lacks", what="SOURCE", command=COMMAND)
    model, limit = desk.model_named(options.model), tokens_of(options.seq_len)
    report = desk.inspect(sources, model=model, format=options.format, encoding=options.encoding, mapping=told)
    if options.json:
        print_json(as_data(report, limit))
    else:
        answer(rows.told(report, limit, goals(desk.catalog()), faces(desk, model, report)))
    return ExitCode.OK


def mapping_of(given: Sequence[str] | str | None, sources: Sequence[str]) -> tuple[Mapping[str, str], Sequence[str]]:
    """What `--map role=column role=column` says; a source that stands behind it is no part of it."""
    words = given.split() if isinstance(given, str) else list(given or ())
    if words and not sources and "=" not in words[-1]:
        sources = [words.pop()]
    told = {}
    for word in words:
        role, mark, column = word.partition("=")
        if not mark or not role.strip():
            raise WizardError("data-map-unreadable", found=word, example=EXAMPLE)
        told[role.strip()] = column.strip()
    return told, sources


def tokens_of(length: int | None) -> int:
    if length is None:
        return Knobs().seq_len
    if length < 1:
        raise WizardError("usage-no-number", what="--seq-len", found=length, type=">= 1", command=COMMAND)
    return length


def faces(desk: Desk, model: str, report: DataReport) -> list[list[tuple[str, str]]]:
    """The first rows as the model reads them; as they are where no model was named, or it refuses them."""
    if model:
        try:
            return desk.rendered(model, report.samples)
        except WizardError:
            pass
    return [[("", as_lines(sample))] for sample in report.samples]
