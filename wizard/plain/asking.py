"""Questions in a terminal, in our own words; Ctrl-C and the end of input end the talk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from wizard.words import say

T = TypeVar("T")


def choose(question: str, rows: Sequence[tuple[str, T]]) -> T:
    import questionary

    choices = [questionary.Choice(title=title, value=value) for title, value in rows]
    chosen: T = _answered(questionary.select(question, choices=choices, instruction=say("ask.arrows")))
    return chosen


def text(question: str, default: str = "") -> str:
    import questionary

    return str(_answered(questionary.text(question, default=default))).strip()


def secret(question: str) -> str:
    """Typed unseen; it stays out of the terminal's history."""
    import questionary

    return str(_answered(questionary.password(question))).strip()


def sure(question: str, *, default: bool, shows: Mapping[str, Callable[[], None]] | None = None) -> bool:
    """Enter takes the default; a letter of `shows` shows something, and asks again."""
    while True:
        reply = text(f"{question} [{'Y/n' if default else 'y/N'}]").lower()
        if not reply:
            return default
        for answer, word in ((True, "ask.yes"), (False, "ask.no")):
            if reply in say(word).split():
                return answer
        (shows or {}).get(reply, lambda: None)()


def _answered(question: Any) -> Any:
    try:
        return question.unsafe_ask()
    except EOFError:
        raise KeyboardInterrupt from None
