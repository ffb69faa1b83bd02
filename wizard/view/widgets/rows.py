"""Sample rows as the model will read them, its special tokens in a quiet colour."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from textual.content import Content

from wizard.view.widgets.log import printable
from wizard.words import known, say

SPECIAL = re.compile(
    r"(<\|[^|>\n]{1,40}\|>|<\uff5c[^\uff5c>\n]{1,40}\uff5c>|</?s>|\[/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS|gMASK)\]|<sop>"
    r"|</?(?:start_of_turn|end_of_turn|think|bos|eos|unk|pad|tools|tool_call|tool_response|image|video|audio)>)"
)
LONGEST = 600


def rendered(rows: Sequence[Sequence[tuple[str, str]]]) -> Content:
    """A row may have several faces, such as a better and a worse answer; each has its name before it."""
    return Content("\n").join(list(_lines(rows)))


def _lines(rows: Sequence[Sequence[tuple[str, str]]]) -> Iterator[Content]:
    for place, row in enumerate(rows, start=1):
        for name, text in row:
            key = f"view.data.face.{name}"
            named = f"({say(key) if known(key) else name}) " if name else ""
            yield Content.assemble((f"{place} {named}", "$secondary bold"), _one(text))


def _one(row: str) -> Content:
    text = row.strip("\n")
    cut = text if len(text) <= LONGEST else text[:LONGEST] + " ..."
    tidy = "\n".join(printable(line) for line in cut.split("\n"))
    parts = [(piece, "$rule") if SPECIAL.fullmatch(piece) else piece for piece in SPECIAL.split(tidy) if piece]
    return Content.assemble(*parts)
