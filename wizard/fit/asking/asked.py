"""The values of a JSON object by key, each of its type and within its bounds; anything else is a Problem."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from wizard.errors import WizardError
from wizard.fit.asking.spellings import nearest, plain, snake

T = TypeVar("T")
MOST = 2**40


class Asked:
    """A key that is left out, or null, has the default."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data

    def whole(self, key: str, default: int, *, least: int = 1, most: int = MOST) -> int:
        value = self.data.get(key)
        if value is None:
            return default
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value != int(value):
            raise wrong(key, "a whole number", value)
        if not least <= value <= most:
            raise WizardError("case-out-of-range", key=key, found=value, least=least, most=most)
        return int(value)

    def share(self, key: str, default: float) -> float:
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
            raise wrong(key, "a number from 0 up to 1", value)
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            raise wrong(key, "true or false", value)
        return default if value is None else value

    def word(self, key: str, default: str, known: Mapping[str, T], shown: Sequence[str] = ()) -> str:
        """A key of `known`, however it is spelt; `shown`: those worth telling a person."""
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise wrong(key, "a word", value)
        found = next((form for form in (plain(value), snake(value)) if form in known), None)
        if found is None:
            raise unknown(key, value, known, shown)
        return found

    def one_of(self, key: str, default: str, known: Mapping[str, T], shown: Sequence[str] = ()) -> T:
        return known[self.word(key, default, known, shown)]

    def words(self, key: str, default: str) -> list[str]:
        """A list of words, or one text with commas."""
        value = self.data.get(key)
        if value is None or value == [] or value == "":
            return [default]
        found = value.split(",") if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(word, str) and word.strip() for word in found):
            raise wrong(key, "a list of words", value)
        return [word.strip() for word in found]


def wrong(key: str, expected: str, found: Any) -> WizardError:
    return WizardError("case-wrong-type", key=key, expected=expected, found=repr(found)[:40])


def unknown(key: str, word: str, known: Mapping[str, T] | Sequence[str], shown: Sequence[str] = ()) -> WizardError:
    return WizardError(
        "case-unknown-word",
        key=key,
        word=word[:40],
        nearest=nearest(plain(word), shown or known),
        known=", ".join(shown or known),
    )
