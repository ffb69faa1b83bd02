"""Lines broken where the language allows it: between Chinese signs, not only where a space happens to stand."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, get_character_cell_size
from textual.content import Content

CLOSING = "，。、；：？！）》」』】”’,.;:?!)]}%"  # never first in a line
OPENING = "（《「『【“‘([{"  # never last


def folded(content: Content, width: int) -> Content:
    """The same text with line ends put in, so that no line is wider than `width` cells."""
    lines = [part for line in content.split(allow_blank=True) for part in _cut(line, width)]
    return Content("\n").join(lines)


def _cut(line: Content, width: int) -> list[Content]:
    if width < 1 or line.cell_length <= width:
        return [line]
    parts = line.divide(list(breaks(line.plain, width)))
    return [part.rstrip() for part in parts[:-1]] + [parts[-1]]


def breaks(text: str, width: int) -> Iterator[int]:
    """Where a new line begins. Spaces at the end of a line take no room; what is wider than a line is cut anywhere."""
    used, place = 0, 0
    for unit in units(text):
        size = cell_len(unit.rstrip(" "))
        if used and used + size > width:
            yield place
            used = 0
        if size > width:
            for at, sign in enumerate(unit.rstrip(" "), start=place):
                cells = get_character_cell_size(sign)
                if used + cells > width:
                    yield at
                    used = 0
                used += cells
            used += len(unit) - len(unit.rstrip(" "))
        else:
            used += cell_len(unit)
        place += len(unit)


def units(text: str) -> Iterator[str]:
    """What stays together: a word with the spaces after it, a Chinese sign with the punctuation around it."""
    start = 0
    for place in range(1, len(text)):
        if _may_break(text[place - 1], text[place]):
            yield text[start:place]
            start = place
    if text:
        yield text[start:]


def _may_break(before: str, after: str) -> bool:
    if after == " ":
        return False
    if before == " ":
        return True
    wide = get_character_cell_size(before) == 2 or get_character_cell_size(after) == 2
    return wide and before not in OPENING and after not in CLOSING
