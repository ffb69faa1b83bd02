"""The answers given so far; each step reads its own back when a person returns to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from wizard.contract import Catalog, DataChoice, DataReport, Dataset, Verdict
from wizard.words import language

if TYPE_CHECKING:
    from wizard.session import Desk, Onward

SourceKind = Literal["bundled", "path", "paste", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a person says of a source, instead of what is recognised."""

    format: str = ""
    encoding: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)

    def overrides(self) -> dict[str, Any]:
        named = {"format": self.format, "encoding": self.encoding, "mapping": dict(self.mapping)}
        return {name: value for name, value in named.items() if value}


@dataclass(slots=True, kw_only=True)
class Draft:
    task: str = ""
    verdict: Verdict | None = None
    turned: dict[tuple[str, str], Verdict] = field(default_factory=dict)  # (recipe, model) -> after turning knobs
    source: SourceKind | None = None
    params: dict[str, str] = field(default_factory=dict)  # what was typed, without what is still the default
    path: str = ""
    pasted: str = ""
    pasted_path: str = ""
    told: Told = field(default_factory=Told)
    report: DataReport | None = None
    serve: bool = True
    quantise: str = ""
    evaluate: bool = False
    validation: float = 0.0  # share of a person's own rows that is kept from training
    copied: bool = False  # before they are read
    kept: DataChoice | None = None  # of a run that this one goes on from, with its questions
    questions: tuple[str, ...] = ()

    def wishes(self) -> dict[str, Any]:
        """What is done with the model, as `Desk.choose` takes it."""
        asked = {"questions": self.questions} if self.questions else {}
        return {"serve": self.serve, "quantise": self.quantise, "evaluate": self.evaluate, **asked}

    def data_language(self, dataset: Dataset) -> str:
        return language() if language() in dataset.languages else dataset.languages[0]

    def filled(self, dataset: Dataset) -> dict[str, str]:
        """The data set's parameters: what was typed, else the default in this language."""
        spoken = self.data_language(dataset)
        return {
            name: self.params.get(name, "").strip() or texts.get(spoken) or next(iter(texts.values()))
            for name, texts in dataset.defaults.items()
        }

    def data(self, desk: Desk, catalog: Catalog) -> DataChoice:
        """The choice of data for a plan; reads the file once more, so not for the window's thread."""
        if self.kept:
            return replace(self.kept, validation=self.validation, copied=self.copied)
        if self.source == "none":
            return DataChoice(kind="none", language=language())
        names = catalog.recipes[self.verdict.recipe].datasets if self.verdict else ()
        if self.source == "bundled" and names:
            dataset = catalog.datasets[names[0]]
            return DataChoice(
                kind="bundled",
                ref=dataset.id,
                params=self.filled(dataset),
                language=self.data_language(dataset),
            )
        path = self.pasted_path if self.source == "paste" else self.path.strip()
        counted = self.verdict and self.report and self.report.measure != "estimated"
        model = self.verdict.model if self.verdict and counted else ""
        choice = desk.data_choice(path, model=model, **self.told.overrides())
        return replace(choice, validation=self.validation, copied=self.copied)


def going_on(found: Onward, *, evaluate: bool) -> Draft:
    """With every answer given by the run that it goes on from."""
    return Draft(
        task=found.verdict.task,
        verdict=found.verdict,
        source="path" if found.data.kind == "path" else found.data.kind,
        path=found.data.ref if found.data.kind == "path" else "",
        validation=found.data.validation,
        copied=found.data.copied,
        kept=found.data,
        questions=found.questions,
        evaluate=evaluate,
    )
