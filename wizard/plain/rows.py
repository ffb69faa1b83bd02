"""What was found in a data file, in lines: used, dropped and why, cut; how long the rows are; the first of them."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.contract import DataReport
from wizard.session import bars, longer, remarks
from wizard.view import telling
from wizard.words import problem, say

BAR = 40  # cells of the longest
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
    yield from _histogram(report, limit)
    for sample in report.samples[:1]:
        yield say("plain.first_row")
        for turn in sample["messages"]:
            yield from clipped(f"{turn['role']}: {turn['content']}")


def _histogram(report: DataReport, limit: int) -> Iterator[str]:
    """A line a bar; behind the cut, another sign."""
    found = bars(report, limit)
    most = max((rows for _, rows in found), default=0)
    if found:
        yield say("plain.lengths")
    for tokens, rows in found:
        sign = "#" if tokens <= limit or limit >= max(report.lengths) else "x"
        yield f"  <= {tokens:>6} |{sign * max(1 if rows else 0, BAR * rows // most)} {rows}"


def clipped(text: str) -> Iterator[str]:
    lines = text.splitlines() or [""]
    for line in lines[:LINES]:
        yield "  " + (line if len(line) <= WIDTH else line[:WIDTH] + " ...")
    if len(lines) > LINES:
        yield "  ..."
