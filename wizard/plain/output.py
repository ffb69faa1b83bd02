"""The only writers of stdout and stderr: answers to the one, talk to the other."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, TextIO

from wizard import words
from wizard.contract import Problem
from wizard.errors import WizardError
from wizard.words import say

RED, BOLD, DIM, GREEN = "31", "1", "2", "32"


def answer(text: str = "") -> None:
    print(_printable(text, sys.stdout), flush=True)


def piece(text: str) -> None:
    """Of an answer that comes bit by bit."""
    print(_printable(text, sys.stdout), end="", flush=True)


def talk(text: str = "") -> None:
    print(_printable(text, sys.stderr), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """In plain ASCII where the terminal's encoding lacks a character, or a file's name is no text."""
    data = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    text = json.dumps(data, ensure_ascii=False, default=_as_data)
    sound = text == _printable(text, sys.stdout)
    print(text if sound else json.dumps(data, default=_as_data), flush=True)


def _printable(text: str, stream: TextIO) -> str:
    """With a question mark for each character that the terminal's encoding lacks."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _as_data(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return dict(value) if isinstance(value, Mapping) else str(value)


def paint(text: str, colour: str) -> str:
    """Colour only on a terminal that wants it; the words say the same without."""
    wanted = sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM", "dumb") != "dumb"
    return f"\033[{colour}m{text}\033[0m" if wanted else text


def tell(error: WizardError, *, as_json: bool = False) -> int:
    """A Problem, the same on a terminal and for programs; returns the exit code."""
    if as_json:
        print_json({"problem": problem_data(error.problem)})
    else:
        problem(error.problem)
    return int(error.exit_code)


def problem_data(problem: Problem) -> dict[str, Any]:
    texts = words.problem(problem.code, problem.params, "en")
    return {"code": problem.code, **texts, "params": dict(problem.params)}


def problem(problem: Problem) -> None:
    texts = words.problem(problem.code, problem.params)
    talk(f"{paint(say('plain.what'), RED)} {texts['what']}")
    talk(f"{paint(say('plain.why'), BOLD)} {texts['why']}")
    talk(f"{paint(say('plain.next'), GREEN)} {texts['next']}")


def table(rows: Sequence[Sequence[str]], gap: str = "  ") -> str:
    """Columns padded by what a terminal shows: a Chinese sign is two cells wide."""
    from rich.cells import cell_len

    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    padded = [[cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join(gap.join(row).rstrip() for row in padded)
