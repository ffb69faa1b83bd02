"""Data sources at the desk: as they were typed, where they lie, what they were recognised as, and mixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import words
from wizard.contract import DataChoice, DataReport, DataSource, Measure, Problem
from wizard.errors import WizardError
from wizard.session import hubdata
from wizard.session.jobs import Progress, unheard

if TYPE_CHECKING:
    from wizard.session.desk import Desk

OVERRIDES = ("format", "encoding", "mapping")
LOOK = ("model", "watch")  # how it is looked at, whatever it is


def found_by(desk: Desk, text: str, progress: Progress = unheard, **overrides: Any) -> DataSource:
    """The source that a person typed; its files are on this machine then."""
    from wizard.data import readers

    hub = hubdata.default_hub(words.language())
    source = readers.resolved(readers.named(text, hub), hub)
    told = {name: value for name, value in overrides.items() if name in OVERRIDES and value}
    try:
        return hubdata.brought(desk, replace(source, **told), progress)
    except WizardError as error:
        raise _nowhere(text, error) or error from None


def _nowhere(text: str, error: WizardError) -> WizardError | None:
    """A name that may as well be meant as a path is told as both."""
    why, hub = error.problem.code, error.problem.params.get("hub", "")
    if "::" in text or why not in ("hub-unreachable", "hub-has-no-dataset"):
        return None
    return WizardError("data-nowhere", exit_code=error.exit_code, path=text.strip(), hub=hub, why=why)


def first_place(text: str) -> Path:
    """Of what was typed, the first path, as it may be looked into although nothing can be made of it."""
    from wizard.data import readers

    return Path(readers.named(readers.several(text)[0], hubdata.default_hub(words.language())).place).expanduser()


def inspected(desk: Desk, texts: str | Sequence[str], **overrides: Any) -> DataReport:
    """All that is in them; its notes say where less or more than that is taken."""
    found, reports = _looked(desk, texts, overrides)
    shares = [taken(*pair) for pair in zip(found, reports, strict=True)]
    notes = tuple(note for share in shares for note in share.notes)
    return replace(mixed(found, reports), notes=notes)


def chosen(desk: Desk, texts: str | Sequence[str], **overrides: Any) -> tuple[DataChoice, DataReport]:
    """The choice, and the report of what is taken."""
    found, reports = _looked(desk, texts, overrides)
    settled_ones = [settled(*pair) for pair in zip(found, reports, strict=True)]
    shares = [taken(*pair) for pair in zip(found, reports, strict=True)]
    return choice(settled_ones, words.language()), mixed(found, shares)


def counted(desk: Desk, data: DataChoice, model: str) -> DataReport | None:
    """The report of what a replay takes; one whose data cannot be read is told of elsewhere."""
    try:
        found = data.mixed()
        return mixed(found, [taken(source, desk.report_of(source, model)) for source in found])
    except WizardError:
        return None


def here(desk: Desk, data: DataChoice) -> DataChoice:
    """A replay's hub data are fetched where they are not here."""
    return replace(data, sources=tuple(hubdata.brought(desk, source, unheard) for source in data.sources))


def _looked(
    desk: Desk, texts: str | Sequence[str], overrides: Mapping[str, Any]
) -> tuple[list[DataSource], list[DataReport]]:
    from wizard.data import readers

    listed = [each for text in ([texts] if isinstance(texts, str) else texts) for each in readers.several(text)]
    look = {name: overrides[name] for name in LOOK if name in overrides}
    told = {name: value for name, value in overrides.items() if name not in LOOK}
    found = [found_by(desk, text, **told) for text in listed]
    return found, [desk.report_of(source, **look) for source in found]


def report_of(source: DataSource, **look: Any) -> DataReport:
    """Of the whole source, whatever share of it is taken. `look`: readers.inspect's template and watch."""
    from wizard.data import readers

    return readers.inspect(
        source.place,
        encoding=source.encoding,
        format=source.format,
        mapping=source.mapping or None,
        subset=source.subset,
        split=source.split,
        **look,
    )


def settled(source: DataSource, report: DataReport) -> DataSource:
    """As it was recognised; a replay refuses other bytes."""
    from wizard.data import readers

    return replace(
        source,
        format=report.format,
        encoding=report.encoding if "," not in report.encoding else "",  # each file in its own
        mapping=report.mapping,
        sha256=readers.identity_of(Path(source.place), source.subset, source.split),
    )


def choice(sources: Sequence[DataSource], language: str) -> DataChoice:
    """A plain file stands in the choice itself."""
    first = sources[0]
    alone = DataSource(
        ref=first.ref, format=first.format, encoding=first.encoding, mapping=first.mapping, sha256=first.sha256
    )
    if [alone] != list(sources):
        return DataChoice(kind="path", ref=" + ".join(map(called, sources)), language=language, sources=tuple(sources))
    return DataChoice(
        kind="path",
        ref=first.ref,
        language=language,
        format=first.format,
        encoding=first.encoding,
        mapping=first.mapping,
        sha256=first.sha256,
    )


def called(source: DataSource) -> str:
    """As it could be typed."""
    name = source.ref + (f":{source.subset}" if source.subset else "") + (f"@{source.split}" if source.split else "")
    share = f"#{source.samples}" if source.samples else f"#{source.times:g}x" if source.times != 1 else ""
    return name + share


def taken(source: DataSource, report: DataReport) -> DataReport:
    """What of the source is learnt from; told, where that is not all of it once."""
    rows = source.samples or round(report.usable * source.times)
    if rows == report.usable or not report.usable:
        return report
    scale = rows / report.usable
    code = "data-share-repeats" if rows > report.usable else "data-share"
    note = Problem(code=code, params={"taken": rows, "usable": report.usable, "source": called(source)})
    lengths, starts = _scaled(report.lengths, scale), _scaled(report.starts, scale)
    characters = round(report.characters * scale)
    return replace(
        report, usable=rows, lengths=lengths, starts=starts, characters=characters, notes=(*report.notes, note)
    )


def _scaled(counts: Mapping[int, int], scale: float) -> dict[int, int]:
    return {tokens: max(1, round(count * scale)) for tokens, count in counts.items()}


def mixed(sources: Sequence[DataSource], reports: Sequence[DataReport]) -> DataReport:
    """One report of several sources. Raises WizardError data-kinds-mixed where they are not of one kind."""
    if len(reports) == 1:
        return reports[0]
    kinds = {called(source): report.kind for source, report in zip(sources, reports, strict=True)}
    if len(set(kinds.values())) > 1:
        raise WizardError("data-kinds-mixed", kinds=kinds, path=next(iter(kinds)))
    first = reports[0]
    return replace(
        first,
        format=", ".join(dict.fromkeys(report.format for report in reports)),
        encoding=", ".join(dict.fromkeys(report.encoding for report in reports)),
        mapping=first.mapping if all(report.mapping == first.mapping for report in reports) else {},
        exact=all(report.exact for report in reports),
        rows=sum(report.rows for report in reports),
        usable=sum(report.usable for report in reports),
        rejected=tuple(row for report in reports for row in report.rejected),
        samples=_in_turn([report.samples for report in reports])[: len(first.samples)],
        tasks=tuple(task for task in first.tasks if all(task in report.tasks for report in reports)),
        modality=tuple(dict.fromkeys(kind for report in reports for kind in report.modality)),
        characters=sum(report.characters for report in reports),
        reasons=_summed([report.reasons for report in reports]),
        lengths=_summed([report.lengths for report in reports]),
        starts=_summed([report.starts for report in reports]),
        measure=_coarsest([report.measure for report in reports]),
        refused=sum(report.refused for report in reports),
        language=_same([report.language for report in reports]) or "mixed",
        columns=tuple(dict.fromkeys(name for report in reports for name in report.columns)),
        keys=tuple(dict.fromkeys(name for report in reports for name in report.keys)),
        duplicates=sum(report.duplicates for report in reports),
        notes=tuple(note for report in reports for note in report.notes),
    )


def _summed(counts: Sequence[Any]) -> dict[Any, int]:
    total: Counter[Any] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _in_turn(lists: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    longest = max(map(len, lists))
    return tuple(each[at] for at in range(longest) for each in lists if at < len(each))


def _coarsest(measures: Sequence[Measure]) -> Measure:
    order: tuple[Measure, ...] = ("estimated", "partly", "counted")
    return next(each for each in order if each in measures)


def _same(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else ""
