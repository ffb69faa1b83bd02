"""The colours, as Textual themes, and scroll bars that draw no sign of ambiguous width."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBarRender
from textual.theme import Theme

SEGMENTS = 8


def _variables(*, ink: str, quiet: str, rule: str, bright: str, surface: str, segments: str) -> dict[str, str]:
    """`ink`: written on `bright`, the colour of the cursor; `segments`: the parts of the memory bar."""
    cursor = {
        f"block-cursor{state}-{part}": colour
        for state in ("", "-blurred")
        for part, colour in (("background", bright), ("foreground", ink), ("text-style", "bold"))
    }
    scrollbar = {
        "scrollbar": rule,
        "scrollbar-background": surface,
        "scrollbar-hover": quiet,
        "scrollbar-active": bright,
    }
    parts = {f"segment-{place}": colour for place, colour in enumerate(segments.split())}
    return {"ink": ink, "quiet": quiet, "rule": rule, **cursor, **scrollbar, **parts}


THEME = Theme(
    name="gong",
    primary="#e0a54e",
    secondary="#5fb3b3",
    accent="#7aa2f7",
    success="#7fbf6a",
    warning="#e8c547",
    error="#ef6f6c",
    foreground="#e6e3dc",
    background="#14171c",
    surface="#1e232b",
    panel="#2a313c",
    variables=_variables(
        ink="#14171c",
        quiet="#98a1ad",
        rule="#4b5563",
        bright="#e0a54e",
        surface="#1e232b",
        segments="#7aa2f7 #5fb3b3 #b48ead #e0a54e #7fbf6a #ef6f6c #8fa3bf #c9b26b",
    ),
)
# The very colours of a 16-colour terminal, so that none of them is guessed into its neighbour.
SIXTEEN = Theme(
    name="gong-16",
    primary="#ffff55",
    secondary="#55ffff",
    accent="#5555ff",
    success="#55ff55",
    warning="#ffff55",
    error="#ff5555",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#555555",
    variables=_variables(
        ink="#000000",
        quiet="#aaaaaa",
        rule="#555555",
        bright="#ffff55",
        surface="#000000",
        segments="#5555ff #00aaaa #aa00aa #ffff55 #55ff55 #ff5555 #aaaaaa #aa5500",
    ),
)


class PlainScrollBar(ScrollBarRender):
    """The stock one ends in eighth blocks, which some CJK terminals draw two cells wide."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8
