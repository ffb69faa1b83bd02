"""What was found in a data source, in lines: used, dropped and why, cut; how long the rows are; the first of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from wizard.contract import DataReport, Problem
from wizard.plain.output import table
from wizard.session import longer, remarks
from wizard.view import findings, telling
from wizard.view.lengths import histogram
from wizard.words import problem, say

LINES, WIDTH = 12, 100  # of a row that is shown
Faces = Sequence[Sequence[tuple[str, str]]]


def told(report: DataReport, limit: int, goals: Collection[str], faces: Faces) -> str:
    """`limit`: the tokens of the sequence; `goals`: tasks that some recipe serves; `faces`: the first rows as the
    model reads them, each under its name where there are several of one row."""
    return "\n".join(_lines(report, limit, goals, faces))


def _lines(report: DataReport, limit: int, goals: Collection[str], faces: Faces) -> Iterator[str]:
    yield findings.recognised(report)
    yield table([*findings.meaning(report, goals), *findings.amounts(report)])
    counted = {"rows": report.rows, "usable": report.usable, "dropped": report.rows - report.usable}
    yield say("plain.rows", **counted, cut=longer(report, limit), limit=limit)
    yield from (f"  {line}" for line in findings.rejects(report))
    yield from map(remark, remarks(report, limit))
    yield from histogram(report, limit)
    yield say("plain.first_rows")
    for place, row in enumerate(faces, 1):
        for name, text in row:
            yield f"{place} {say(f'view.data.face.{name}')}" if name else f"{place}"
            yield from clipped(text)


def remark(fault: Problem) -> str:
    texts = problem(fault.code, fault.params)
    return "! " + telling.sentence(texts["what"], texts["next"])


def clipped(text: str) -> Iterator[str]:
    lines = text.strip("\n").splitlines() or [""]
    for line in lines[:LINES]:
        yield "  " + (line if len(line) <= WIDTH else line[:WIDTH] + " ...")
    if len(lines) > LINES:
        yield "  ..."
