"""A sweep as one picture (SVG): what all users get together, and how long each of them waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from wizard.session.using.bench.figures import Sweep
from wizard.words import say

WIDTH, HEIGHT = 840, 400
PANEL, TOP, FOOT, MARGIN = 330, 80, 330, 70  # a panel's width; where its frame begins and ends; left of it
LEFTS = (MARGIN, MARGIN + PANEL + 90)
INK, QUIET, FIRST, SECOND, ADVISED = "#1f2430", "#6b7280", "#2563eb", "#d97706", "#e5edff"
Line = tuple[str, str, Sequence[float | None]]  # (name, colour, a value for each number of users)


def svg(sweep: Sweep) -> str:
    levels = sweep.levels
    rate: list[Line] = [(say("bench.picture.rate"), FIRST, [level.tokens_per_second for level in levels])]
    wait: list[Line] = [
        (say("bench.picture.half"), FIRST, [level.ttft_p50 for level in levels]),
        (say("bench.picture.nine"), SECOND, [level.ttft_p90 for level in levels]),
    ]
    title = say("bench.picture.title", model=sweep.model, engine=sweep.engine)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        text(MARGIN, 28, title, size=16),
        *panel(LEFTS[0], say("bench.picture.left"), rate, sweep),
        *panel(LEFTS[1], say("bench.picture.right"), wait, sweep, bound=sweep.bound),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def panel(left: float, title: str, lines: Sequence[Line], sweep: Sweep, bound: float = 0.0) -> Iterator[str]:
    users = [level.users for level in sweep.levels]
    known = [value for _, _, values in lines for value in values if value is not None]
    bound = bound if bound <= 2 * max(known, default=0.0) else 0.0  # far above, it would press the lines flat
    most = max([*known, bound * 1.1]) or 1.0
    across = [left + PANEL * (place + 0.5) / max(1, len(users)) for place in range(len(users))]
    if sweep.recommended in users:
        width = PANEL / len(users)
        at = across[users.index(sweep.recommended)] - width / 2
        yield f'<rect x="{at:.1f}" y="{TOP}" width="{width:.1f}" height="{FOOT - TOP}" fill="{ADVISED}"/>'
        yield text(at + width / 2, TOP + 14, say("bench.picture.advised"), QUIET, "middle", 11)
    yield f'<path d="M{left} {TOP}V{FOOT}H{left + PANEL}" fill="none" stroke="{QUIET}"/>'
    yield text(left, TOP - 28, title, size=13)
    for part in (0.0, 0.5, 1.0):
        yield text(left - 8, height(most * part, most) + 4, brief(most * part), QUIET, "end")
    for x, number in zip(across, users, strict=True):
        yield text(x, FOOT + 18, str(number), QUIET, "middle")
    yield text(left + PANEL / 2, FOOT + 42, say("bench.picture.users"), QUIET, "middle")
    if bound:
        y = height(bound, most)
        yield f'<path d="M{left} {y:.1f}H{left + PANEL}" stroke="{QUIET}" stroke-dasharray="4 4"/>'
        yield text(left + PANEL - 4, y - 5, f"{bound:g} s", QUIET, "end", 11)
    for place, (name, colour, values) in enumerate(lines):
        yield text(left + place * 150, TOP - 10, f"\N{BLACK SQUARE} {name}", colour)
        yield from drawn(across, values, most, colour)


def drawn(across: Sequence[float], values: Sequence[float | None], most: float, colour: str) -> Iterator[str]:
    points = [(x, height(value, most)) for x, value in zip(across, values, strict=True) if value is not None]
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{told}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)


def height(value: float, most: float) -> float:
    return FOOT - (FOOT - TOP) * value / most


def text(x: float, y: float, told: str, colour: str = INK, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}">{escape(told)}</text>'
    )


def brief(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
