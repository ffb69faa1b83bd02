"""What was found in a data file, in lines: used, dropped and why, cut; how long the rows are; the first of them."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.contract import DataReport
from wizard.session import longer, remarks
from wizard.view import telling
from wizard.view.lengths import histogram
from wizard.words import problem, say

LINES, WIDTH = 2, 100  # of a turn that is shown


def told(report: DataReport, limit: int) -> str:
    """`limit`: the tokens of the sequence."""
    return "\n".join(_lines(report, limit))


def _lines(report: DataReport, limit: int) -> Iterator[str]:
    yield telling.recognised(report)
    counted = {"rows": report.rows, "usable": report.usable, "dropped": report.rows - report.usable}
    yield say("plain.rows", **counted, cut=longer(report, limit), limit=limit)
    yield from (f"  {line}" for line in telling.rejects(report))
    for remark in remarks(report, limit):
        texts = problem(remark.code, remark.params)
        yield "! " + telling.sentence(texts["what"], texts["next"])
    yield from histogram(report, limit)
    for sample in report.samples[:1]:
        yield say("plain.first_row")
        for turn in sample["messages"]:
            yield from clipped(f"{turn['role']}: {turn['content']}")


def clipped(text: str) -> Iterator[str]:
    lines = text.splitlines() or [""]
    for line in lines[:LINES]:
        yield "  " + (line if len(line) <= WIDTH else line[:WIDTH] + " ...")
    if len(lines) > LINES:
        yield "  ..."
