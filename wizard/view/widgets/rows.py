"""Sample rows as the model will read them, its special tokens in a quiet colour."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual.content import Content

from wizard.view.widgets.log import printable

SPECIAL = re.compile(r"(<\|[^|>\n]{1,40}\|>|</?s>|\[/?INST\]|</?(?:start_of_turn|end_of_turn|think|bos|eos)>)")
LONGEST = 600


def rendered(rows: Sequence[str]) -> Content:
    lines: list[Content] = []
    for place, row in enumerate(rows, start=1):
        lines.append(Content.assemble((f"{place} ", "$secondary bold"), _one(row)))
    return Content("\n").join(lines)


def _one(row: str) -> Content:
    text = row.strip("\n")
    cut = text if len(text) <= LONGEST else text[:LONGEST] + " ..."
    tidy = "\n".join(printable(line) for line in cut.split("\n"))
    parts = [(piece, "$rule") if SPECIAL.fullmatch(piece) else piece for piece in SPECIAL.split(tidy) if piece]
    return Content.assemble(*parts)
