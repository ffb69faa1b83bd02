"""Evaluations side by side: runs, and in each the base, the trained model and its smaller formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from wizard.contract import Result, Turn, turned, worsened
from wizard.errors import ExitCode, WizardError
from wizard.journal import RunFolder, read_json

STAGE, VERSION = "06-evaluate", 1
FIELDS = frozenset(item.name for item in fields(Result))
OWN = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    run: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`turn`: against the base of its own run, where that was measured too."""

    result: Result
    turn: Turn | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    source: str
    measure: str
    cells: tuple[Cell | None, ...]  # one a column


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    lost: tuple[tuple[str, Result, Result], ...]  # run, base, subject: general ability beyond noise
    seen: tuple[str, ...]  # runs whose rows were seen in training


def results_in(folder: RunFolder) -> tuple[Result, ...]:
    """Of a run's report, and what a judge said of it. Raises not-evaluated, evaluation-unreadable."""
    found = read_json(folder.stage(STAGE).path / "report.json")
    if not found:
        raise WizardError("not-evaluated", run=folder.name, exit_code=ExitCode.FAILED)
    judged = read_json(folder.stage(STAGE).path / "judged.json")
    try:
        if found["version"] != VERSION:
            raise ValueError(found["version"])
        return tuple(result_of(each) for each in (*found["results"], *judged.get("results", ())))
    except (KeyError, TypeError, ValueError) as error:
        path = str(folder.stage(STAGE).path / "report.json")
        raise WizardError("evaluation-unreadable", path=path, exit_code=ExitCode.FAILED) from error


def result_of(told: Mapping[str, Any]) -> Result:
    return Result(**{name: value for name, value in told.items() if name in FIELDS})


def compared(folders: Sequence[RunFolder]) -> Compared:
    found = {folder.name: results_in(folder) for folder in folders}
    columns = [Column(run=run, subject=name) for run, each in found.items() for name in subjects(each)]
    keys = dict.fromkeys((each.source, each.measure) for results in found.values() for each in results)
    ordered = sorted(keys, key=lambda key: (key[0] != OWN, not key[0].startswith("general"), key[0] == "judge"))
    lines = [Line(source=key[0], measure=key[1], cells=tuple(cells(key, columns, found))) for key in ordered]
    seen = [run for run, each in found.items() if any(was_seen(result) for result in each)]
    return Compared(columns=tuple(columns), lines=tuple(lines), lost=tuple(lost(found)), seen=tuple(seen))


def subjects(results: Sequence[Result]) -> list[str]:
    """As they were measured, checkpoints in the order of their steps."""
    return list(dict.fromkeys(each.subject for each in results))


def cells(
    key: tuple[str, str], columns: Sequence[Column], found: Mapping[str, Sequence[Result]]
) -> Iterator[Cell | None]:
    for column in columns:
        of = {each.subject: each for each in found[column.run] if (each.source, each.measure) == key}
        result, base = of.get(column.subject), of.get("base")
        if result is None:
            yield None
        else:
            yield Cell(result=result, turn=turned(base, result) if base and result is not base else None)


def lost(found: Mapping[str, Sequence[Result]]) -> Iterator[tuple[str, Result, Result]]:
    yield from ((run, old, new) for run, results in found.items() for old, new in worsened(results))


def was_seen(result: Result) -> bool:
    return str(result.settings.get("rows", "")).startswith("seen")


def as_json(found: Compared) -> dict[str, Any]:
    """{"results": [Result with its run and turn], "lost": [...], "seen_in_training": [run]}"""
    results = [
        {"run": column.run, **asdict(cell.result), "turn": cell.turn}
        for line in found.lines
        for column, cell in zip(found.columns, line.cells, strict=True)
        if cell
    ]
    told = [
        {"run": run, "subject": new.subject, "source": new.source, "measure": new.measure, "before": old.value,
         "after": new.value} for run, old, new in found.lost
    ]  # fmt: skip
    return {"results": results, "lost": told, "seen_in_training": list(found.seen)}
