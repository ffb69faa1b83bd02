"""How models cut a picture up: what size they see it in, and how many tokens that makes. Sizes are (width, height).

The rules are those of transformers' processors (5.23, one class here for each way of theirs) and, for MiniCPM-V, of the
code beside its weights. tests/unit/stages/check_seeing.py holds them against the processors.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import product

Size = tuple[int, int]
BUDGET = 1 << 20  # pixels of a prepared picture: what the memory forecast reckons with (a side of 1024)
THINNEST = 200  # times as long as wide: the processors of the Qwen and GLM families refuse more


@dataclass(frozen=True, slots=True)
class Fixed:
    """Every picture becomes so many tokens."""

    each: int

    @property
    def pixels(self) -> int:
        """More than so many are never looked at."""
        return BUDGET

    def file(self, width: int, height: int) -> Size:
        """What a picture is made to before the model's own processor gets it: itself, if that asks for no more."""
        return within(width, height, self.pixels)

    def size(self, width: int, height: int) -> Size:
        """What the model sees of it; for those that cut a picture into tiles, of the whole that they cut."""
        return self.file(width, height)

    def tokens(self, width: int, height: int) -> int:
        return self.each


@dataclass(frozen=True, slots=True)
class Grid(Fixed):
    """A token for each square of `each` pixels a side, its sides rounded to it, its area to `least`..`most`."""

    least: int
    most: int
    grow: bool = False  # sides shorter than a square are stretched first

    def file(self, width: int, height: int) -> Size:
        seen = self.size(width, height)
        return (width, height) if seen == self._rounded(width, height, self.most) else seen

    def size(self, width: int, height: int) -> Size:
        return self._rounded(width, height, min(self.most, BUDGET))

    def _rounded(self, width: int, height: int, most: int) -> Size:
        step = self.each
        if self.grow and min(width, height) < step:
            scale = max(step / width, step / height)
            width, height = int(width * scale), int(height * scale)
        wide, high = round(width / step) * step, round(height / step) * step
        if wide * high > most:
            shrink = math.sqrt(width * height / most)
            return max(step, int(width / shrink / step) * step), max(step, int(height / shrink / step) * step)
        if wide * high < self.least:
            grow = math.sqrt(self.least / (width * height))
            return math.ceil(width * grow / step) * step, math.ceil(height * grow / step) * step
        return wide, high

    def tokens(self, width: int, height: int) -> int:
        wide, high = self.size(width, height)
        return wide // self.each * (high // self.each)


@dataclass(frozen=True, slots=True)
class Tiles(Fixed):
    """Up to `most` tiles of `side` pixels in the shape nearest to the picture's, and the whole as one more."""

    side: int
    most: int

    @property
    def pixels(self) -> int:
        return self.side**2 * self.most

    def tokens(self, width: int, height: int) -> int:
        columns, rows = self.canvas(width, height)
        return self.each * (1 + (columns * rows if columns * rows > 1 else 0))

    def canvas(self, width: int, height: int) -> Size:
        best, least = (1, 1), math.inf
        for columns, rows in shapes(self.most):
            off = abs(width / height - columns / rows)
            if off < least or (off == least and 2 * width * height > self.side**2 * columns * rows):
                best, least = (columns, rows), off
        return best


@dataclass(frozen=True, slots=True)
class Canvases(Tiles):
    """Tiles on the canvas on which the picture need be made smaller least; marks between columns and behind rows."""

    def tokens(self, width: int, height: int) -> int:
        columns, rows = self.canvas(width, height)
        return self.each + (columns * rows * (self.each + 1) if columns * rows > 1 else 0)

    def canvas(self, width: int, height: int) -> Size:
        scales = {
            shape: min(single(shape[0] * self.side / width), single(shape[1] * self.side / height))
            for shape in shapes(self.most)
        }
        enlarging = [scale for scale in scales.values() if scale >= 1]
        chosen = min(enlarging) if enlarging else max(scales.values())
        return min((shape for shape, scale in scales.items() if scale == chosen), key=lambda shape: shape[0] * shape[1])


@dataclass(frozen=True, slots=True)
class Slices(Tiles):
    """Slices as near the picture's shape as possible, about as many as its area has tiles."""

    def canvas(self, width: int, height: int) -> Size:
        wanted = min(math.ceil(width * height / self.side**2), self.most)
        counts = [count for count in (wanted - 1, wanted, wanted + 1) if 1 < count <= self.most]
        if wanted <= 1 or not counts:
            return 1, 1
        fitting = [(columns, count // columns) for count in counts for columns in factors(count)]
        return min(fitting, key=lambda shape: abs(math.log(width / height) - math.log(shape[0] / shape[1])))


@dataclass(frozen=True, slots=True)
class Rows(Fixed):
    """A token for each square of `each` pixels and one behind each row; the longer side is at most `longest`."""

    longest: int

    @property
    def pixels(self) -> int:
        return self.longest**2

    def tokens(self, width: int, height: int) -> int:
        ratio = max(width, height) / self.longest
        if ratio > 1:
            width, height = math.floor(width / ratio), math.floor(height / ratio)
        columns, rows = (max(1, (side - 1) // self.each + 1) for side in (width, height))
        return (columns + 1) * rows


@dataclass(frozen=True, slots=True)
class Split(Fixed):
    """The longer side is made `longest`, then cut into tiles of `side`; marks beside each tile and behind each row."""

    side: int
    longest: int

    @property
    def pixels(self) -> int:
        return self.longest**2

    def tokens(self, width: int, height: int) -> int:
        columns, rows = self._cut(width, height)
        whole = self.each + 3
        return whole + rows * (columns * (self.each + 2) + 1) if columns * rows > 1 else whole

    def _cut(self, width: int, height: int) -> Size:
        short = int(self.longest / (max(width, height) / min(width, height)))
        if height > width:
            short = int(self.longest * (width / height))
        short = max(1, short + short % 2)
        long_tiles, short_tiles = math.ceil(self.longest / self.side), math.ceil(short / self.side)
        return (long_tiles, short_tiles) if width >= height else (short_tiles, long_tiles)


@dataclass(frozen=True, slots=True)
class AnyResolution(Fixed):
    """The whole at `cells` x `cells`, and what the picture covers of the best of `grids` (of `side` pixels each)."""

    cells: int
    side: int
    grids: tuple[Size, ...]  # columns, rows
    squares: int = 0  # more than so many times the whole are thinned out

    @property
    def pixels(self) -> int:
        return self.side**2 * max(columns * rows for columns, rows in self.grids)

    def tokens(self, width: int, height: int) -> int:
        columns, rows = self._best(width, height)
        wide, high = self.cells * columns, self.cells * rows
        if width / height > wide / high:
            high -= (high - int(round(height * (wide / width), 7))) // 2 * 2
        else:
            wide -= (wide - int(round(width * (high / height), 7))) // 2 * 2
        over = math.sqrt(high * wide / (self.squares * self.cells**2)) if self.squares else 0
        if over > 1.1:
            wide, high = int(wide // over), int(high // over)
        return self.each + wide * high + high

    def _best(self, width: int, height: int) -> Size:
        def merit(grid: Size) -> tuple[int, int]:
            wide, high = grid[0] * self.side, grid[1] * self.side
            scale = min(wide / width, high / height)
            kept = min(int(width * scale) * int(height * scale), width * height)
            return kept, kept - wide * high

        return max(self.grids, key=merit)


def within(width: int, height: int, pixels: int) -> Size:
    """The same shape with at most so many pixels."""
    if width * height <= pixels:
        return width, height
    shrink = math.sqrt(pixels / (width * height))
    return max(1, int(width * shrink)), max(1, int(height * shrink))


def shapes(most: int) -> list[Size]:
    """All (columns, rows) of up to `most` tiles, the fewest first."""
    found = [(columns, rows) for columns, rows in product(range(1, most + 1), repeat=2) if columns * rows <= most]
    return sorted(found, key=lambda shape: shape[0] * shape[1])


def factors(count: int) -> list[int]:
    return [divisor for divisor in range(1, count + 1) if count % divisor == 0]


def single(value: float) -> float:
    """In 32 bits, as the processor compares them."""
    return float(struct.unpack("f", struct.pack("f", value))[0])
