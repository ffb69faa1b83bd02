"""Sample pictures, small enough to be drawn in a terminal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """`pixels`: rows of three bytes each, `width` x `height` of them; none where it could not be opened."""

    ref: str
    size: tuple[int, int] = (0, 0)  # of the picture itself, as it is shown
    width: int = 0
    height: int = 0
    pixels: bytes = b""
