"""The desk's half that is about data: a source looked at, told about, shown as a model reads it, and chosen."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from wizard import catalog as drawers
from wizard import words
from wizard.contract import Catalog, Choice, DataChoice, DataReport, DataSource, Problem, Role
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.session import bundled, naming, sources, starting, suiting
from wizard.session.amount import Amount, amount_of
from wizard.session.models import Models

if TYPE_CHECKING:
    from wizard.session.desk import Desk

ANSWER = "answer"
Watch = Callable[[int], None]
Face = tuple[str, str]  # a name, such as `chosen` or none, and what the model reads


class DataDesk:
    home: Home
    _reports: dict[str, DataReport]  # the last one of each source
    _answers: dict[str | None, DataReport]

    def catalog(self) -> Catalog:
        raise NotImplementedError

    @property
    def models(self) -> Models:
        raise NotImplementedError

    @property
    def _desk(self) -> Desk:
        return cast("Desk", self)

    def inspect(
        self, path: str | Sequence[str], *, model: str = "", watch: Watch = lambda rows: None, **overrides: Any
    ) -> DataReport:
        """One source or several, as readers.naming has them. `model`: whose tokenizer counts, once it is here; `watch`:
        called with the rows read, may raise to end it; also format, encoding, mapping, progress."""
        return sources.inspected(self._desk, path, model=model, watch=watch, **overrides)

    def report_of(self, source: DataSource, model: str = "", watch: Watch = lambda rows: None) -> DataReport:
        """A file that has not changed is not read again for the same question."""
        question = _question(source, model)
        if question not in self._answers:
            template = self._template(model) if model in self.catalog().models else None
            report = sources.report_of(source, template=template, watch=watch)
            if question is None:
                return report
            self._answers[question] = report
        return self._answers[question]

    def counts(self, model: str) -> bool:
        """Whether the model's tokenizer is here."""
        return model in self.catalog().models and self._template(model).tokenizer is not None

    def model_named(self, name: str) -> str:
        """Its id, by what people call it; none for none."""
        catalog = self.catalog()
        found = (naming.called(catalog, name) or naming.likely(catalog, name)) if name else None
        if name and not found:
            raise naming.unknown(catalog, name)
        return found.id if found else ""

    def _template(self, model: str) -> Any:
        from wizard.data import readers

        known = self.catalog().models[model]
        return readers.template_of(self.models.folder(known), known, drawers.builtin())

    def formats(self) -> tuple[str, ...]:
        """What a person may say that a source is."""
        from wizard.data import readers

        return readers.formats()

    def encodings(self) -> tuple[str, ...]:
        from wizard.data import readers

        return readers.ENCODINGS

    def roles(self, format: str, kind: str = "", mapping: Collection[str] = ()) -> tuple[Role, ...]:
        """What a format is read from; `kind` and `mapping`, where they are known, tell which way it is written. The
        answer to a question is among them although none was found."""
        from wizard.data import readers

        found = readers.roles(format, kind, mapping)
        asked = kind == "prompt" and "question" in mapping
        return (*found[:1], Role(name=ANSWER), *found[1:]) if asked else found

    def columns(self, path: str, encoding: str = "") -> tuple[str, ...]:
        """Of a source that nothing can be made of yet; none where not even rows can be read."""
        from wizard.data import readers

        try:
            return readers.columns(sources.first_place(path), encoding)
        except WizardError:
            return ()

    def rendered(self, model: str, samples: Sequence[Mapping[str, Any]]) -> list[list[Face]]:
        """Rows as the model reads them: by its own template once it is here, else by the one the catalogue names."""
        from wizard.data import readers

        faces = [list(readers.talks(sample)) for sample in samples]
        talks = [readers.as_talk(turns, sample) for sample, row in zip(samples, faces, strict=True) for _, turns in row]
        texts = iter(self._template(model).render(talks))
        read = [[(name, next(texts)) for name, _ in row] for row in faces]
        return [[*row, *label_of(sample)] for row, sample in zip(read, samples, strict=True)]

    def unsuited(self, report: DataReport, task: str, path: str = "") -> Problem | None:
        """Why these rows do not teach what was chosen, with what they would teach."""
        return suiting.unsuited(report, task, self.catalog(), path)

    def aside(self, report: DataReport, task: str) -> Problem | None:
        """What of these rows the chosen goal leaves out."""
        return suiting.aside(report, task)

    def paste(self, text: str) -> Path:
        """Keep pasted rows as a file of the user's own; the same text is kept once."""
        from wizard.data import readers

        return readers.keep_text(text, self.home.root / "pasted")

    def data_choice(self, path: str | Sequence[str], **overrides: Any) -> DataChoice:
        choice, report = sources.chosen(self._desk, path, **overrides)
        self._reports[choice.ref] = report
        return choice

    def taken(self, data: DataChoice) -> DataReport | None:
        """Of what `data_choice` chose: shares of a source count as what they are."""
        return self._reports.get(data.ref)

    def of_other_data(self, choice: Choice, path: str) -> Choice:
        """The same, learning from what is there; it is asked what these rows ask. Raises what `data_choice` does."""
        before, data = choice.data, self.data_choice(path, model=choice.model)
        data = replace(data, validation=before.validation, copied=before.copied)
        task = self.catalog().recipes[choice.recipe].task
        questions = starting.first_questions(self._reports[data.ref], task)
        return replace(choice, data=data, questions=questions)

    def bundled(self, dataset: str, language: str, params: Mapping[str, str]) -> DataReport:
        return bundled.report(self.catalog().datasets[dataset], language, params)

    def bundled_choice(self, recipe: str, **given: str | None) -> DataChoice:
        """The recipe's bundled data set in the current language, with its defaults where nothing was given."""
        dataset = self.catalog().datasets[self.catalog().recipes[recipe].datasets[0]]
        return bundled.choice(dataset, words.language(), given)

    def report_on(self, choice: Choice) -> DataReport | None:
        """Of data that were chosen; a file that cannot be read is told of elsewhere."""
        data = choice.data
        if data.kind == "none":
            return None
        if data.kind == "bundled":
            return self.bundled(data.ref, data.language, data.params)
        return self._reports.get(data.ref) or sources.counted(self._desk, data, choice.model)

    def _amount(self, choice: Choice) -> Amount:
        """How much there is to learn from; rows for another goal are refused."""
        report, recipe = self.report_on(choice), self.catalog().recipes.get(choice.recipe)
        if report and recipe and (fault := self.unsuited(report, recipe.task, choice.data.ref)):
            raise WizardError.of(fault)
        return amount_of(report)


def _question(source: DataSource, model: str) -> str | None:
    """The same text for the same question about the same bytes; None where they cannot be told by a file's times."""
    try:
        facts = Path(source.place).stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    told = replace(source, samples=0, times=1.0, sha256="")
    return repr((told, facts.st_size, facts.st_mtime_ns, facts.st_ino, model))


def label_of(sample: Mapping[str, Any]) -> list[Face]:
    """What is to be said of the row: a class, several, or a number. A thumb is no label."""
    label = sample.get("label")
    if label is None or isinstance(label, bool):
        return []
    return [("label", label if isinstance(label, str) else json.dumps(label, ensure_ascii=False))]
