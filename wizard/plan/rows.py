"""A bundled data set's rows, with the person's own words filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wizard.contract import Dataset


def filled_rows(dataset: Dataset, language: str, params: Mapping[str, str]) -> list[tuple[str, str]]:
    language = language if language in dataset.rows else dataset.languages[0]
    words = {name: params.get(name) or texts[language] for name, texts in dataset.defaults.items()}
    return [(fill(row["question"], words), fill(row["answer"], words)) for row in dataset.rows[language]]


def fill(text: str, words: Mapping[str, str]) -> str:
    """One pass: a name may itself hold braces."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), text)
