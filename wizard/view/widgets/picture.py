"""Sample pictures in the terminal: half blocks of two pixels; signs for shades where no colour is wanted.

An image protocol of the terminal's own is not spoken: textual-image needs Python 3.12 from 0.14 on, and we run on 3.10.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.color import Color
from textual.content import Content
from textual.events import Resize
from textual.geometry import Size
from textual.style import Style
from textual.widgets import Static

from wizard.contract import Thumbnail
from wizard.view.widgets.log import printable
from wizard.words import say

WIDEST, HIGHEST = 36, 12  # cells of one picture
NARROWEST = 16
GAP = 2
UPPER = "\u2580"  # half a cell: the text's colour above, the background's below
SHADES = " .:-=+*#%@"
Pixel = tuple[int, int, int]


class Pictures(Static):
    """`show(thumbnails)`; takes no room where there are none."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", markup=False, id=id, classes=classes)
        self._shown: tuple[Thumbnail, ...] = ()

    def show(self, thumbnails: Sequence[Thumbnail]) -> None:
        self._shown = tuple(thumbnails)
        self.display = bool(self._shown)
        self._draw(self.content_size)

    def on_resize(self, event: Resize) -> None:
        self._draw(self.content_size)

    def _draw(self, size: Size) -> None:
        if size.width and self._shown:
            self.update(drawn(self._shown, size.width, colour=not self.app.no_color))


def drawn(thumbnails: Sequence[Thumbnail], columns: int, *, colour: bool = True) -> Content:
    """As many side by side as fit, each over its name; how many more there are; which could not be opened."""
    opened = [each for each in thumbnails if each.pixels]
    closed = [_cut(say("view.picture.none", ref=_name(each)), columns) for each in thumbnails if not each.pixels]
    return Content("\n").join([*(_gallery(opened, columns, colour) if opened else []), *map(Content, closed)])


def _gallery(pictures: Sequence[Thumbnail], columns: int, colour: bool) -> list[Content]:
    fitting = max(1, min(len(pictures), (columns + GAP) // (NARROWEST + GAP)))
    width = max(1, min(WIDEST, (columns + GAP) // fitting - GAP))
    first, left = pictures[:fitting], len(pictures) - fitting
    blocks = [_block(each, width, colour) for each in first]
    height = max(map(len, blocks))
    empty = Content(" " * width)
    lines = [
        Content(" " * GAP).join([block[place] if place < len(block) else empty for block in blocks])
        for place in range(height)
    ]
    names = Content(" " * GAP).join(
        [Content(_cut(f"{_name(each)} {each.size[0]}x{each.size[1]}", width)) for each in first]
    )
    return [*lines, names, *([Content(_cut(say("view.picture.more", count=left), columns))] if left else [])]


def _block(picture: Thumbnail, width: int, colour: bool) -> list[Content]:
    """Lines of exactly `width` cells."""
    wide, high = fitted(picture.width, picture.height, width)
    rows = scaled(picture, wide, high * 2 if colour else high)
    rest = " " * (width - wide)
    if not colour:
        return [Content("".join(map(_shade, row)) + rest) for row in rows]
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return [Content.assemble(*map(_cell, upper, lower), rest) for upper, lower in pairs]


def fitted(width: int, height: int, columns: int) -> tuple[int, int]:
    """(columns, rows) of cells, which are twice as high as wide, that keep the picture's shape."""
    scale = min(columns / width, 2 * HIGHEST / height)
    return max(1, int(width * scale)), max(1, round(height * scale / 2))


def scaled(picture: Thumbnail, wide: int, high: int) -> list[list[Pixel]]:
    """The nearest pixel of each place."""
    rows = []
    for y in range(high):
        start = (2 * y + 1) * picture.height // (2 * high) * picture.width
        places = [3 * (start + (2 * x + 1) * picture.width // (2 * wide)) for x in range(wide)]
        rows.append([(picture.pixels[p], picture.pixels[p + 1], picture.pixels[p + 2]) for p in places])
    return rows


def _cell(upper: Pixel, lower: Pixel) -> tuple[str, Style]:
    return UPPER, Style(foreground=Color(*upper), background=Color(*lower))


def _shade(pixel: Pixel) -> str:
    red, green, blue = pixel
    return SHADES[(299 * red + 587 * green + 114 * blue) * (len(SHADES) - 1) // 255_000]


def _name(picture: Thumbnail) -> str:
    return printable(picture.ref.rpartition("/")[2] or picture.ref)


def _cut(text: str, width: int) -> str:
    """Exactly so many cells; the end of a name tells more than its beginning."""
    if cell_len(text) > width:
        while text and cell_len(text) >= width:
            text = text[1:]
        text = f"~{text}"
    return set_cell_size(text, width)
