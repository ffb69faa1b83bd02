"""What a data source is recognised as, and its first rows as the model will read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.contract import DataReport, Dataset
from wizard.errors import WizardError
from wizard.view.draft import Draft

if TYPE_CHECKING:
    from wizard.session import Desk

SHOWN = 3
Look = tuple[DataReport, list[str]]


def reading(desk: Desk, draft: Draft, dataset: Dataset | None) -> Callable[[], Look]:
    """An errand for the answers as they are now: what is typed meanwhile belongs to the next one."""
    model = draft.verdict.model if draft.verdict else ""
    source, text, path = draft.source, draft.pasted, draft.path.strip()
    overrides = {"mapping": dict(draft.mapping)} if draft.mapping else {}
    language, params = (draft.data_language(dataset), draft.filled(dataset)) if dataset else ("", {})

    def read() -> Look:
        if source == "bundled" and dataset:
            report = desk.bundled(dataset.id, language, params)
        elif source == "paste":
            draft.pasted_path = str(desk.paste(text))
            report = desk.inspect(draft.pasted_path, **overrides)
        else:
            report = desk.inspect(path, **overrides)
        samples = [sample["messages"] for sample in report.samples[:SHOWN]]
        try:
            return report, [desk.rendered(model, messages) for messages in samples]
        except WizardError:
            return report, ["\n".join(f"{turn['role']}: {turn['content']}" for turn in row) for row in samples]

    return read
