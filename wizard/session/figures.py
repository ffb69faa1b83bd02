"""Compared evaluations as one picture: an SVG with a group of bars for each measure, which any browser shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from xml.sax.saxutils import escape

from wizard.contract import SURE
from wizard.session.comparing import Cell, Column, Compared, Line
from wizard.words import known, say

WIDTH, LABELS, NUMBERS, MARGIN = 900, 320, 110, 16
BAR, GAP, HEAD, SIGN = 16, 14, 64, 9
COLOURS = (
    "#8a8f98", "#1f77b4", "#e07b00", "#2a9d4a", "#b03a8c", "#7a5cc0",
    "#c9b037", "#16a3a3", "#d1495b", "#6b4f3a", "#5b8c2a", "#3d3d8f",
)  # fmt: skip
FONT = "font-family='system-ui, sans-serif' font-size='12'"
HIDDEN = ("loss",)  # perplexity says it too


def measure(name: str) -> str:
    key = f"evaluated.measure.{name}"
    return say(key) if known(key) else name


def source(name: str, titles: Mapping[str, str]) -> str:
    """`titles`: of the benchmarks."""
    key = f"evaluated.source.{name}"
    return say(key) if known(key) else titles.get(name, name)


def line_title(line: Line, titles: Mapping[str, str]) -> str:
    return f"{source(line.source, titles)}: {measure(line.measure)}"


def title_of(column: Column, runs: int) -> str:
    kind, _, step = column.subject.partition("-")
    name = f"evaluated.subject.{kind}"
    subject = say(name, step=step) if known(name) else column.subject
    return f"{column.run}: {subject}" if runs > 1 else subject


def shown(found: Compared) -> list[Line]:
    return [line for line in found.lines if line.measure not in HIDDEN]


def picture(found: Compared, titles: Mapping[str, str]) -> str:
    """Each group on a scale of its own, from 0 to its largest; whiskers are 95 % of what chance makes."""
    runs = len({column.run for column in found.columns})
    lines = shown(found)
    head = HEAD + BAR * (rows_of(found, runs) - 1)
    heights = [sum(cell is not None for cell in line.cells) * BAR + GAP for line in lines]
    tops = [head, *(head + height for height in accumulate(heights))]
    parts = [*legend(found, runs)]
    for line, top in zip(lines, tops, strict=False):
        parts += group(line, top, line_title(line, titles))
    size = f"width='{WIDTH}' height='{tops[-1] + MARGIN}' viewBox='0 0 {WIDTH} {tops[-1] + MARGIN}'"
    ground = "<rect width='100%' height='100%' fill='white'/>"
    return "\n".join([f"<svg xmlns='http://www.w3.org/2000/svg' {size} {FONT}>", ground, *parts, "</svg>", ""])


def legend(found: Compared, runs: int) -> Iterator[str]:
    yield text(MARGIN, 22, say("evaluated.picture"), "font-weight='bold'")
    across = -(-len(found.columns) // rows_of(found, runs))
    for place, column in enumerate(found.columns):
        left, top = MARGIN + place % across * (WIDTH - 2 * MARGIN) / across, 34 + place // across * BAR
        yield f"<rect x='{left:.0f}' y='{top}' width='12' height='12' fill='{colour(place)}'/>"
        yield text(left + 18, top + 10, title_of(column, runs))


def rows_of(found: Compared, runs: int) -> int:
    """Of the legend, so that no title runs into the next."""
    longest = max((len(title_of(column, runs)) for column in found.columns), default=0)
    across = max(1, (WIDTH - 2 * MARGIN) // (18 + SIGN * longest))
    return max(1, -(-len(found.columns) // across))


def group(line: Line, top: float, title: str) -> Iterator[str]:
    here = [(place, cell) for place, cell in enumerate(line.cells) if cell]
    most = max((abs(cell.result.value) + reach(cell) for _, cell in here), default=0.0) or 1.0
    arrow = say(f"evaluated.better.{here[0][1].result.direction}") if here else ""
    yield text(MARGIN, top + 12, f"{title} {arrow}")
    room = WIDTH - LABELS - NUMBERS - MARGIN
    for row, (place, cell) in enumerate(here):
        y, long = top + row * BAR, room * abs(cell.result.value) / most
        yield f"<rect x='{LABELS}' y='{y:.0f}' width='{long:.1f}' height='{BAR - 3}' fill='{colour(place)}'/>"
        if reach(cell):
            ends = [LABELS + max(0.0, long + room * step * reach(cell) / most) for step in (-1, 1)]
            yield f"<path d='M{ends[0]:.1f} {y + 6:.0f}H{ends[1]:.1f}' stroke='black' stroke-width='1'/>"
        yield text(LABELS + room + 8, y + 11, f"{number(cell)}")


def reach(cell: Cell) -> float:
    return SURE * (cell.result.stderr or 0.0)


def number(cell: Cell) -> str:
    mark = say(f"evaluated.turn.{cell.turn}") if cell.turn else ""
    return f"{cell.result.value:.4g} {mark}".rstrip()


def colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]


def text(x: float, y: float, said: str, more: str = "") -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' {more}>{escape(said)}</text>"
