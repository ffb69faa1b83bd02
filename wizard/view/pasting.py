"""A shell command broken over lines so that copying it off the screen and pasting it still works."""

from __future__ import annotations

from rich.cells import cell_len, chop_cells

INDENT = "  "


def continued(command: str, width: int) -> str:
    """Breaks at spaces: with a backslash outside quotes, bare between the values of quoted JSON. A word that is longer
    than a line, such as a path, goes on at the very beginning of the next, where a shell joins it again."""
    lines, line, before = [], "", ""
    for piece, ending in pieces(command):
        grown = f"{line} {piece}" if line.strip() else line + piece
        if line.strip() and cell_len(grown) + len(ending) > width:
            lines.append(line + before)
            line = INDENT + piece
        else:
            line = grown
        if cell_len(line) + len(ending) > width and not set(piece) & set("'\"\\"):
            *cut, line = parts(line, width - 1)
            lines += [part + "\\" for part in cut]
        before = ending
    return "\n".join([*lines, line])


def parts(word: str, width: int) -> list[str]:
    """Cut to `width`, behind a slash where there is one in the second half of it."""
    found = []
    while cell_len(word) > width:
        part = chop_cells(word, width)[0]
        slash = part.rfind("/") + 1
        found.append(part[:slash] if slash > len(part) // 2 else part)
        word = word[len(found[-1]) :]
    return [*found, word]


def pieces(command: str) -> list[tuple[str, str]]:
    """What lies between the spaces at which a break is harmless, each with what a break after it needs."""
    found: list[tuple[str, str]] = []
    word, quote, json, in_string = "", "", False, False
    for sign in command:
        if sign == " " and (not quote or (json and quote == "'" and not in_string)):
            found.append((word, "" if quote else " \\"))
            word = ""
            json = json and bool(quote)
            continue
        if sign in "'\"" and quote in ("", sign):
            quote = "" if quote else sign
        elif sign == "{" and word.endswith("'"):
            json, in_string = True, False
        elif sign == '"' and not word.endswith("\\"):
            in_string = not in_string
        word += sign
    return [*found, (word, "")]
