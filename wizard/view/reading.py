"""What a data source is recognised as, and its first rows as the model will read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.contract import DataReport, Dataset, Problem, Role, Thumbnail
from wizard.errors import WizardError
from wizard.view.draft import Draft

if TYPE_CHECKING:
    from wizard.session import Desk

SHOWN = 3
USUAL = "qa"  # whose roles are offered for columns that say nothing
Faces = Sequence[Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A report, or what is wrong; `columns`, `roles` and `formats` are what can be said otherwise."""

    report: DataReport | None = None
    problem: Problem | None = None
    unsuited: Problem | None = None
    faces: Faces = ()
    pictures: tuple[Thumbnail, ...] = ()
    beside: tuple[Problem, ...] = ()  # what the goal leaves out; why the chat template is not around the rows
    columns: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    formats: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ()
    usual: str = USUAL
    goals: tuple[str, ...] = ()
    countable: bool = False  # its rows' lengths, which so far are estimated


class Left(Exception):
    """Nobody waits for it any more."""


def reading(
    desk: Desk, draft: Draft, dataset: Dataset | None, watch: Callable[[int], None], *, count: bool = False
) -> Callable[[], Look | None]:
    """An errand for the answers as they are now: what is typed meanwhile belongs to the next one. `watch` is told how
    many rows have been read; when it raises Left, the errand ends with nothing. `count`: by the model's tokenizer."""
    from wizard.session import goals

    model, told = (draft.verdict.model if draft.verdict else ""), draft.told
    source, text, path, task = draft.source, draft.pasted, draft.path.strip(), draft.task
    language, params = (draft.data_language(dataset), draft.filled(dataset)) if dataset else ("", {})

    def read() -> Look | None:
        place = path
        try:
            if source == "bundled" and dataset:
                report = desk.bundled(dataset.id, language, params)
            else:
                if source == "paste":
                    place = draft.pasted_path = str(desk.paste(text))
                report = desk.inspect(place, model=model if count else "", watch=watch, **told.overrides())
        except Left:
            return None
        except WizardError as error:
            return Look(
                problem=error.problem,
                columns=desk.columns(place, told.encoding),
                roles=desk.roles(told.format or USUAL, mapping=tuple(told.mapping)),
                formats=desk.formats(),
                encodings=desk.encodings(),
            )
        faces, refusal = seen(desk, model, report.samples[:SHOWN])
        aside = desk.aside(report, task) if source != "bundled" else None
        return Look(
            report=report,
            pictures=pictures_of(report, place),
            unsuited=desk.unsuited(report, task, place) if source != "bundled" else None,
            faces=faces,
            beside=tuple(each for each in (aside, refusal) if each),
            columns=report.columns,
            roles=desk.roles(report.format, report.kind, tuple(report.mapping)),
            formats=desk.formats(),
            encodings=desk.encodings(),
            goals=goals(desk.catalog()),
            countable=source != "bundled" and not count and desk.counts(model),
        )

    return read


def pictures_of(report: DataReport, place: str) -> tuple[Thumbnail, ...]:
    """Of the rows that are shown; a hub's lie elsewhere than they are called."""
    if "image" not in report.modality or not Path(place).expanduser().exists():
        return ()
    from wizard.session.previews import pictures

    return pictures(report, place)


def seen(desk: Desk, model: str, samples: Sequence[Mapping[str, Any]]) -> tuple[Faces, Problem | None]:
    """As the model reads them; as they are where its template refuses one, with its reason."""
    try:
        return desk.rendered(model, samples), None
    except WizardError as error:
        return [[("", as_lines(sample))] for sample in samples], error.problem


def as_lines(sample: Mapping[str, Any]) -> str:
    """A row as it is, around which no template stands."""
    told = [f"{turn['role']}: {turn.get('content') or ''}" for turn in sample["messages"]]
    told += [f"{name}: {value}" for name, value in sample.items() if name != "messages"]
    return "\n".join(told)
