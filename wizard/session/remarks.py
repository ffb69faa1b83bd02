"""What a person should know of the data before starting: what is lost, cut, twice there, too little."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.contract import DataReport, Problem

FEW = 20  # rows; fewer teach little but themselves
SHORTEST = 16  # tokens: the first bar of the picture of lengths


def mostly_lost(report: DataReport) -> bool:
    return 2 * report.usable < report.rows


def longer(report: DataReport, limit: int) -> int:
    """Usable rows of more than so many tokens, by the estimate; of a sampled file, of all its rows."""
    counted = sum(report.lengths.values())
    over = sum(rows for tokens, rows in report.lengths.items() if tokens > limit)
    return round(report.usable * over / counted) if counted else 0


def remarks(report: DataReport, limit: int) -> Iterator[Problem]:
    """`limit`: the sequence's tokens."""
    sizes = {"rows": report.rows, "usable": report.usable, "dropped": report.rows - report.usable}
    if mostly_lost(report):
        yield Problem(code="rows-lost", params=sizes)
    if cut := longer(report, limit):
        yield Problem(code="rows-longer", params={"cut": cut, "limit": limit, "usable": report.usable})
    if report.duplicates:
        yield Problem(code="rows-alike", params={"alike": report.duplicates, "usable": report.usable})
    if report.usable < FEW:
        yield Problem(code="rows-few", params=sizes)


def bars(report: DataReport, limit: int) -> tuple[tuple[int, int], ...]:
    """(tokens, rows of so many or fewer, but more than the bar before); the limit ends a bar of its own."""
    if not report.lengths:
        return ()
    longest, bounds = max(report.lengths), [SHORTEST]
    while bounds[-1] < longest:
        bounds.append(bounds[-1] * 2)
    bounds = sorted({*bounds, *([limit] if limit < longest else [])})
    floors = [0, *bounds]
    counted = [_between(report, low, high) for low, high in zip(floors, bounds, strict=False)]
    first = next(at for at, rows in enumerate(counted) if rows)
    return tuple(zip(bounds, counted, strict=True))[first:]


def _between(report: DataReport, low: int, high: int) -> int:
    return sum(rows for tokens, rows in report.lengths.items() if low < tokens <= high)
