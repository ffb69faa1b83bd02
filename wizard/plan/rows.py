"""A bundled data set's rows, with the person's own words filled in."""

from __future__ import annotations

from collections.abc import Mapping

from wizard.contract import Dataset


def filled_rows(dataset: Dataset, language: str, params: Mapping[str, str]) -> list[tuple[str, str]]:
    language = language if language in dataset.rows else dataset.languages[0]
    words = {name: params.get(name) or texts[language] for name, texts in dataset.defaults.items()}
    return [(fill(row["question"], words), fill(row["answer"], words)) for row in dataset.rows[language]]


def fill(text: str, words: Mapping[str, str]) -> str:
    """Plain replacement: a name may itself hold braces."""
    for name, word in words.items():
        text = text.replace("{" + name + "}", word)
    return text
