"""The answers given so far; each step reads its own back when a person returns to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wizard.contract import Catalog, DataChoice, DataReport, Dataset, Verdict
from wizard.words import language

if TYPE_CHECKING:
    from wizard.session import Desk

SourceKind = Literal["bundled", "path", "paste"]


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
    mapping: dict[str, str] = field(default_factory=dict)
    report: DataReport | None = None
    serve: bool = True

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
        names = catalog.recipes[self.verdict.recipe].datasets if self.verdict else ()
        if self.source == "bundled" and names:
            dataset = catalog.datasets[names[0]]
            return DataChoice(
                kind="bundled",
                ref=dataset.id,
                params=self.filled(dataset),
                language=self.data_language(dataset),
            )
        overrides = {"mapping": dict(self.mapping)} if self.mapping else {}
        return desk.data_choice(self.pasted_path if self.source == "paste" else self.path.strip(), **overrides)
