"""The colours, as one Textual theme, and scroll bars that draw no sign of ambiguous width."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBarRender
from textual.theme import Theme

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
    dark=True,
    variables={
        "quiet": "#98a1ad",
        "rule": "#4b5563",
        "input-selection-background": "#3b4a63",
        "block-cursor-background": "#e0a54e",
        "block-cursor-foreground": "#14171c",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#e0a54e",
        "block-cursor-blurred-foreground": "#14171c",
        "block-cursor-blurred-text-style": "bold",
        "scrollbar": "#4b5563",
        "scrollbar-background": "#1e232b",
        "scrollbar-hover": "#98a1ad",
        "scrollbar-active": "#e0a54e",
    },
)

SEGMENTS = ("#7aa2f7", "#5fb3b3", "#b48ead", "#e0a54e", "#7fbf6a", "#ef6f6c", "#8fa3bf", "#c9b26b")


class PlainScrollBar(ScrollBarRender):
    """The stock one ends in eighth blocks, which some CJK terminals draw two cells wide."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8
