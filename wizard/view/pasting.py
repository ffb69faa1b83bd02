"""A shell command broken over lines so that copying it off the screen and pasting it still works."""

from __future__ import annotations

from rich.cells import cell_len

INDENT = "  "


def continued(command: str, width: int) -> str:
    """Breaks at spaces only: with a backslash outside quotes, bare between the values of quoted JSON."""
    lines, line, before = [], "", ""
    for piece, ending in pieces(command):
        grown = f"{line} {piece}" if line.strip() else line + piece
        if line.strip() and cell_len(grown) + len(ending) > width:
            lines.append(line + before)
            line = INDENT + piece
        else:
            line = grown
        before = ending
    return "\n".join([*lines, line])


def pieces(command: str) -> list[tuple[str, str]]:
    """What lies between the spaces at which a break is harmless, each with what a break after it needs."""
    found: list[tuple[str, str]] = []
    word, quote, in_string = "", "", False
    for sign in command:
        if sign == " " and not quote:
            found.append((word, " \\"))
            word = ""
            continue
        if sign == " " and quote == "'" and not in_string and word.endswith((",", ":")):
            found.append((word, ""))
            word = ""
            continue
        if sign in "'\"" and quote in ("", sign):
            quote, in_string = ("" if quote else sign), False
        elif sign == '"' and not word.endswith("\\"):
            in_string = not in_string
        word += sign
    return [*found, (word, "")]
