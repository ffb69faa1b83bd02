"""A line chart of one metric in Braille dots, which no terminal draws two cells wide; asterisks where they fail."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from wizard.words import say

DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
Point = tuple[float, float]


def finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point[1])]


def columns(points: Sequence[Point], width: int) -> list[float]:
    """The mean of what falls into each of `width` columns, with straight lines across empty ones."""
    first, last = points[0][0], points[-1][0]
    span = max(last - first, 1e-9)
    sums: list[list[float]] = [[] for _ in range(width)]
    for x, y in points:
        sums[min(width - 1, int((x - first) / span * (width - 1) + 0.5))].append(y)
    means = [sum(some) / len(some) if some else None for some in sums]
    return list(_bridged(means))


def _bridged(means: Sequence[float | None]) -> Iterator[float]:
    before: tuple[int, float] | None = None
    for place, mean in enumerate(means):
        if mean is None:
            continue
        if before:
            gap, low = place - before[0], before[1]
            yield from (low + (mean - low) * step / gap for step in range(1, gap))
        yield mean
        before = (place, mean)


def draw(points: Sequence[Point], width: int, height: int, *, plain: bool = False) -> list[str]:
    """`height` lines of `width` cells; the axis runs from the smallest to the largest value."""
    fine_x, fine_y = (1, 1) if plain else (2, 4)
    heights = columns(points, width * fine_x)
    low, high = min(heights), max(heights)
    rows = height * fine_y
    grid = [[0] * width for _ in range(height)]
    previous: int | None = None
    for x, value in enumerate(heights):
        level = rows // 2 if high == low else round((high - value) / (high - low) * (rows - 1))
        start = level if previous is None else previous
        step = 1 if level >= start else -1
        for y in range(start + step if start != level else level, level + step, step):
            grid[y // fine_y][x // fine_x] |= DOTS[x % fine_x][y % fine_y]
        previous = level
    return ["".join(_sign(cell, plain) for cell in line) for line in grid]


def _sign(cell: int, plain: bool) -> str:
    if not cell:
        return " "
    return "*" if plain else chr(0x2800 + cell)


def brief(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.1e}" if abs(value) < 0.01 else f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"


class Chart(Widget):
    """`points` are (step, value); the left margin carries the largest and smallest value, the foot the steps.
    `over`: none will be added."""

    points: reactive[tuple[Point, ...]] = reactive(())
    metric: reactive[str] = reactive("loss")
    over: reactive[bool] = reactive(False)

    def __init__(self, *, plain: bool, id: str) -> None:
        super().__init__(id=id)
        self.plain = plain

    def render(self) -> Content:
        points = finite(self.points)
        if len(points) < 2:
            return Content.styled(say(f"view.watch.{'one_point' if self.over else 'no_points'}"), "$quiet")
        values = [value for _, value in points]
        low, high = brief(min(values)), brief(max(values))
        margin = max(len(low), len(high)) + 1
        width, height = self.size.width - margin - 2, self.size.height - 1
        if width < 6 or height < 2:
            return Content("")
        lines: list[Content] = []
        for place, line in enumerate(draw(points, width, height, plain=self.plain)):
            mark = high if place == 0 else low if place == height - 1 else ""
            lines.append(Content.assemble((f"{mark:>{margin}}|", "$quiet"), (line, "$primary")))
        first, last = f"{points[0][0]:.0f}", f"{points[-1][0]:.0f}"
        dashes = "-" * max(0, width - len(first) - len(last) - 2)
        lines.append(Content.styled(f"{'':>{margin}}+{first} {dashes} {last}", "$quiet"))
        return Content("\n").join(lines)
