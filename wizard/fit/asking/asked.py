"""The values of a JSON object by key, each of its type and within its bounds; anything else is a Problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from wizard.errors import WizardError
from wizard.fit.asking.spellings import nearest, plain, snake
from wizard.fit.reading.numbers import is_number, shown

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
        if not is_number(value) or value != value:  # NaN is in no range
            raise wrong("case-not-whole", key, value)
        if not least <= value <= most:
            raise WizardError("case-out-of-range", key=key, found=shown(value), least=least, most=most)
        if value != int(value):
            raise wrong("case-not-whole", key, value)
        return int(value)

    def share(self, key: str, default: float) -> float:
        value = self.data.get(key)
        if value is None:
            return default
        if not is_number(value) or not 0 <= value < 1:
            raise wrong("case-not-share", key, value)
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            raise wrong("case-not-flag", key, value)
        return default if value is None else value

    def word(self, key: str, default: str, known: Mapping[str, T], shown: Sequence[str] = ()) -> str:
        """A key of `known`, however it is spelt; `shown`: those worth telling a person."""
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise wrong("case-not-word", key, value)
        found = next((form for form in (plain(value), snake(value)) if form in known), None)
        if found is None:
            raise unknown(key, value, known, shown)
        return found

    def one_of(self, key: str, default: str, known: Mapping[str, T], shown: Sequence[str] = ()) -> T:
        return known[self.word(key, default, known, shown)]

    def words(self, key: str, default: str) -> list[str]:
        """A list of words, or one text with commas."""
        value = self.data.get(key)
        if value is None:
            return [default]
        found = value.split(",") if isinstance(value, str) else value
        if (
            not isinstance(found, list)
            or not found
            or not all(isinstance(word, str) and word.strip() for word in found)
        ):
            raise wrong("case-not-words", key, value)
        return [word.strip() for word in found]


def wrong(code: str, key: str, found: Any) -> WizardError:
    return WizardError(code, key=key, found=shown(found))


def unknown(key: str, word: str, known: Mapping[str, T] | Sequence[str], shown: Sequence[str] = ()) -> WizardError:
    near = nearest(plain(word), known)
    if (
        near and shown and near not in shown and isinstance(known, Mapping)
    ):  # what is shown of the same meaning, if anything
        near = next((each for each in shown if known[each] == known[near]), nearest(plain(word), shown))
    return WizardError("case-unknown-word", key=key, word=word[:40], nearest=near, known=", ".join(shown or known))
