"""A labelled line to type in, and completion for the one that takes a path."""

from __future__ import annotations

import os
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.suggester import Suggester
from textual.widgets import Input

from wizard.view.widgets.pick import Pick
from wizard.view.widgets.plain import PlainStatic


class Answer(Input):
    """One in which no answer holds a question mark, so that it explains here as it does everywhere."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key != "question_mark" and super().check_consume_key(key, character)


class Field(Horizontal):
    def __init__(self, label: str, box: Input | Pick, *, id: str) -> None:
        super().__init__(id=id, classes="field")
        self.label = label
        self.box = box

    def compose(self) -> ComposeResult:
        yield PlainStatic(self.label, classes="label")
        yield self.box


class PathSuggester(Suggester):
    """The first folder or data file that continues what was typed, behind the last plus where there are several;
    folders end in a slash, so that typing goes on."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        before, plus, last = value.rpartition(" + ")
        found = complete(last)
        return f"{before}{plus}{found}" if found else None


def complete(typed: str) -> str | None:
    head, _, stem = typed.rpartition("/")
    folder = Path(head + "/" if "/" in typed else ".").expanduser()
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in entries)
    except OSError:
        return None
    start = typed[: len(typed) - len(stem)]
    fitting = (name for name in names if name.startswith(stem) and (stem or not name.startswith(".")))
    found = next(fitting, None)
    return start + found if found and typed else None
