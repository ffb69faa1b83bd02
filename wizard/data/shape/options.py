"""Questions with answers to choose from: MMLU's lists, ARC's {"text", "label"}, objects by letter."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

from wizard.data.shape.example import Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Row
from wizard.data.shape.values import is_missing, parsed, text_of

NAMES = ("choices", "options", "选项", "a", "option_a", "opa", "选项a")


def options_in(row: Row, column: str) -> dict[str, str]:
    """Letter -> text. A column A stands for B, C and D beside it as well, as C-Eval and CMMLU have them."""
    if column[-1:].upper() != "A":
        return options_of(row.get(column))
    found: dict[str, str] = {}
    for letter in ascii_uppercase:
        name = column[:-1] + (letter if column[-1].isupper() else letter.lower())
        if is_missing(row.get(name)):
            break
        found[letter] = text_of(row[name])
    return found if len(found) > 1 else {}


def options_of(value: Any) -> dict[str, str]:
    """Letter -> text, in their order; empty where there are none. Raises Refused."""
    found = parsed(value) if isinstance(value, str) else value
    if isinstance(found, dict) and isinstance(found.get("text"), list) and isinstance(found.get("label"), list):
        return {text_of(letter): text_of(text) for letter, text in zip(found["label"], found["text"], strict=False)}
    if isinstance(found, dict):
        return {str(letter): text_of(text) for letter, text in found.items() if text is not None}
    if isinstance(found, list) and len(found) <= len(ascii_uppercase):
        return {letter: text_of(text) for letter, text in zip(ascii_uppercase, found, strict=False)}
    if found is None:
        return {}
    raise Refused("bad-content", found=type(found).__name__)


def offered(asked: Messages, options: dict[str, str]) -> Messages:
    """The question with its options below, a line each."""
    if not options or not asked:
        return asked
    lines = [asked[-1]["content"], *(f"{letter}. {text}" for letter, text in options.items())]
    return [*asked[:-1], {**asked[-1], "content": "\n".join(lines)}]


def chosen(value: Any, options: dict[str, str]) -> Any:
    """The letter of an answer that is told by its place, from 0; any other answer as it is."""
    letters = list(options)
    told = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(letters)
    return letters[value] if told else value
