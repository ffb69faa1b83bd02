"""The bundled data sets, as a report and as a choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from wizard import plan as planning
from wizard.contract import DataChoice, DataReport, Dataset

SAMPLES = 3


def report(dataset: Dataset, language: str, params: Mapping[str, str]) -> DataReport:
    from wizard.data import readers

    rows = planning.filled_rows(dataset, language, params)
    messages = [{"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]} for q, a in rows]
    return DataReport(
        kind="messages",
        format="bundled",
        encoding="utf-8",
        mapping={"question": "question", "answer": "answer"},
        exact=True,
        rows=len(rows),
        usable=len(rows),
        rejected=(),
        samples=tuple(messages[:SAMPLES]),
        tasks=("identity", "sft"),
        characters=sum(len(q) + len(a) for q, a in rows),
        language=language,
        lengths=Counter(readers.estimated(each["messages"]) for each in messages),
    )


def choice(dataset: Dataset, language: str, given: Mapping[str, str | None]) -> DataChoice:
    """With the data set's defaults where nothing was given, and its own first language where it has not this one."""
    spoken = language if language in dataset.languages else dataset.languages[0]
    params = {key: given.get(key) or texts.get(spoken) or texts["en"] for key, texts in dataset.defaults.items()}
    return DataChoice(kind="bundled", ref=dataset.id, params=params, language=spoken)
