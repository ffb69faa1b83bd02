"""What a person should know of the data before starting: what is lost, cut, unlearnt, twice there, too little."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from wizard.contract import DataReport, Problem

FEW = 20  # rows; fewer teach little but themselves
LONELY = 5  # rows of a class
NAMED = 3
ASIDE = 0.05  # of the rows, kept from training where a person wants some
SHORTEST = 16  # tokens: the first bar of the picture of lengths


class Reason(NamedTuple):
    """Why rows are not used: of how many, and the first of them; `line` is 0 where only a sample was read, `file` is
    empty where the source is one file."""

    code: str
    rows: int
    line: int
    params: Mapping[str, object]
    file: str = ""
    offset: int = 0


def reasons(report: DataReport) -> tuple[Reason, ...]:
    """The commonest first."""
    first = {row.code: row for row in reversed(report.rejected)}
    counted = report.reasons or {code: sum(row.code == code for row in report.rejected) for code in first}
    known = [(code, rows, first[code]) for code, rows in counted.items()]
    found = [Reason(code, rows, why.line, why.params, why.file, why.offset) for code, rows, why in known]
    return tuple(sorted(found, key=lambda reason: -reason.rows))


def mostly_lost(report: DataReport) -> bool:
    return 2 * report.usable < report.rows


def split(report: DataReport, validation: float) -> tuple[int, int]:
    """About how many usable rows are learnt, and how many are kept from it."""
    held = round(report.usable * validation)
    return report.usable - held, held


def longer(report: DataReport, limit: int) -> int:
    """Usable rows of more than so many tokens; of a sampled file, of all its rows."""
    return _beyond(report, report.lengths, limit)


def unlearnt(report: DataReport, limit: int) -> int:
    """Usable rows whose whole answer lies behind the cut: nothing would be learnt from them."""
    return _beyond(report, report.starts, limit - 1)


def _beyond(report: DataReport, found: Mapping[int, int], limit: int) -> int:
    counted = sum(report.lengths.values())
    over = sum(rows for tokens, rows in found.items() if tokens > limit)
    return round(report.usable * over / counted) if counted else 0


def quantile(report: DataReport, share: float) -> int:
    """The tokens that so large a share of the rows does not exceed; 0 where no length is known."""
    wanted, passed = share * sum(report.lengths.values()), 0
    for tokens, rows in sorted(report.lengths.items()):
        passed += rows
        if passed >= wanted:
            return tokens
    return 0


def remarks(report: DataReport, limit: int) -> Iterator[Problem]:
    """`limit`: the sequence's tokens."""
    yield from report.notes
    sizes = {"rows": report.rows, "usable": report.usable, "dropped": report.rows - report.usable}
    if mostly_lost(report):
        yield Problem(code="rows-lost", params=sizes)
    if cut := longer(report, limit):
        code = "rows-cut-counted" if report.measure == "counted" and report.exact else "rows-longer"
        yield Problem(code=code, params={"cut": cut, "limit": limit, "usable": report.usable})
    if lost := unlearnt(report, limit):
        yield Problem(code="rows-unlearnt", params={"lost": lost, "limit": limit, "usable": report.usable})
    if report.refused:
        yield Problem(code="rows-refused", params={"refused": report.refused, "usable": report.usable})
    if report.duplicates:
        yield Problem(code="rows-alike", params={"alike": report.duplicates, "usable": report.usable})
    if report.exact and (lonely := [name for name, rows in report.labels.items() if rows < LONELY]):
        told = {"count": len(lonely), "names": ", ".join(lonely[-NAMED:]), "few": LONELY}
        yield Problem(code="classes-lonely", params=told)
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
