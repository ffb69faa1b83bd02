"""Where rows may come from for the goal that was chosen, and whether any are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wizard.contract import Catalog, Dataset
from wizard.view.draft import Draft, SourceKind

GIVEN = ("bundled", "none")  # what nothing has to be typed for
FIRST: Mapping[SourceKind, str] = {  # what the cursor stands on, as a selector
    "bundled": "Field Input",
    "path": "#path",
    "paste": "#paste",
    "none": "#source",
}


def dataset(draft: Draft, catalog: Catalog) -> Dataset | None:
    """The bundled one of the recipe."""
    names = catalog.recipes[draft.verdict.recipe].datasets if draft.verdict else ()
    return catalog.datasets[names[0]] if names else None


def optional(draft: Draft, catalog: Catalog) -> bool:
    """Nothing is trained: rows may be there to measure with."""
    return draft.verdict is not None and not catalog.methods[draft.verdict.method].trains


def kinds(draft: Draft, catalog: Catalog) -> Sequence[SourceKind]:
    if draft.task == "identity":
        return ["bundled"]
    if optional(draft, catalog):
        return ["none", "path", "paste"]
    return ["bundled", "path", "paste"] if dataset(draft, catalog) else ["path", "paste"]
