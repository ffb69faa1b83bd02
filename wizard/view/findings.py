"""What was found in a data source, put into words. Pure, for the screen and the plain lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from wizard.contract import DataReport, Rejected
from wizard.session import quantile, reasons, remarks
from wizard.view import telling
from wizard.words import known, say

LINES_NAMED = 5
REASONS_SHOWN = 3
CLASSES_SHOWN = 6
WAYS = dict.fromkeys(("orpo", "simpo", "cpo"), "dpo")  # tasks that are recipes of another goal


def recognised(report: DataReport) -> str:
    fmt = f"view.data.format.{report.format}"
    key = "view.data.recognised" if report.exact else "view.data.recognised_sample"
    told = say(
        key,
        kind=report.kind,
        format=say(fmt) if known(fmt) else report.format,
        rows=f"{report.rows:,}",
        usable=f"{report.usable:,}",
        encoding=report.encoding,
    )
    return told + (say("data.spoken", language=say(f"data.in.{report.language}")) if report.language else "")


def mapping_text(report: DataReport) -> str:
    told = ", ".join(f"{role}={field}" for role, field in report.mapping.items() if field)
    return told or say("data.no_columns" if report.kind == "text" else "data.columns_differ")


def meaning(report: DataReport, goals: Collection[str]) -> Iterator[tuple[str, str]]:
    """(name, value): what is read from where, and what it is good for. `goals`: tasks that some recipe serves."""
    yield say("data.columns"), mapping_text(report)
    if report.labels:
        yield say("data.labels"), classes(report)
    if report.tasks:
        yield say("data.suits"), suited(report.tasks, goals)


def classes(report: DataReport) -> str:
    """The commonest, with how many rows are of each."""
    comma, named = say("data.comma"), list(report.labels.items())[:CLASSES_SHOWN]
    told = comma.join(say("data.label", name=name, n=rows) for name, rows in named)
    rest = len(report.labels) - len(named)
    return told + (comma + say("data.more_labels", n=rest) if rest else "")


def amounts(report: DataReport) -> Iterator[tuple[str, str]]:
    if report.lengths:
        yield say("data.lengths"), lengths(report)
    yield say("data.split"), say("data.split_all", n=report.usable)


def suited(tasks: Sequence[str], goals: Collection[str]) -> str:
    """What can be done with it here comes first."""
    comma, later = say("data.comma"), [name for name in tasks if WAYS.get(name, name) not in goals]
    told = [task(name) for name in tasks if name not in later]
    return comma.join([*told, *([say("data.later", tasks=comma.join(map(task, later)))] if later else [])])


def task(name: str) -> str:
    return say(f"task.{name}") if known(f"task.{name}") else name


def lengths(report: DataReport) -> str:
    sizes = {"half": quantile(report, 0.5), "most": quantile(report, 0.9), "longest": max(report.lengths)}
    return say("data.lengths_are", **sizes)


def rejects(report: DataReport) -> list[str]:
    """One line for each reason: how many, why, and where the first ones are."""
    lines = []
    for reason in reasons(report):
        named = list(places_of([row for row in report.rejected if row.code == reason.code and row.line]))
        why = say(f"reject.{reason.code}", **reason.params)
        if not named:  # only a sample was read, whose lines are not known
            lines.append(say("view.data.reject_some", n=reason.rows, why=why))
            continue
        more = " ..." if reason.rows > LINES_NAMED else ""
        places = ", ".join(named[:LINES_NAMED]) + more
        lines.append(say("view.data.reject", n=reason.rows, why=why, lines=places))
    return lines


def places_of(rows: Sequence[Rejected]) -> Iterator[str]:
    """Their lines; a file is named where it is another than the one before."""
    before = ""
    for row in rows:
        yield f"{row.file}:{row.line}" if row.file != before else f"{row.line}"
        before = row.file


def noted(report: DataReport, limit: int) -> list[str]:
    """What is left out, and what else a person should know before it is learned. `limit`: the sequence's tokens."""
    lost = rejects(report)
    if len(lost) > REASONS_SHOWN + 1:
        lost[REASONS_SHOWN:] = [say("view.data.more_reasons", n=len(lost) - REASONS_SHOWN)]
    told = [telling.told(remark) for remark in remarks(report, limit)]
    return [*lost, *(telling.sentence(words["what"], words["next"]) for words in told)]
