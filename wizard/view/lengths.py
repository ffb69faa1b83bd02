"""How long the rows of a data file are, as bars of characters with the cut-off in sight."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.contract import DataReport
from wizard.session import bars
from wizard.words import say

BAR = 40  # cells of the longest
LABELS = 22  # cells beside it


def histogram(report: DataReport, limit: int, width: int = BAR + LABELS) -> Iterator[str]:
    """A line a bar; what lies behind the cut, `limit` tokens, is drawn with another sign. Nothing where no length is
    known."""
    found = bars(report, limit)
    most, room = max((rows for _, rows in found), default=0), max(8, min(BAR, width - LABELS))
    if found:
        yield say("view.data.lengths", measure=say(f"data.measure.{report.measure}"))
    for tokens, rows in found:
        sign = "#" if tokens <= limit or limit >= max(report.lengths) else "x"
        yield f"  <= {tokens:>6} |{sign * max(1 if rows else 0, room * rows // most)} {rows}"
