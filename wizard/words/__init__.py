"""Every text a person reads, in both languages: `say("welcome.title")`, `say("fit.short", gib="6.6 GiB")`."""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LANGUAGES = ("en", "zh")


def locale_language(environment: Mapping[str, str] = os.environ) -> str:
    """`YCDY_LANG`, else the locale: zh for any Chinese one, en for all else."""
    for name in ("YCDY_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


_language = locale_language()


def use(language: str) -> None:
    global _language
    _language = language if language in LANGUAGES else "en"


def language() -> str:
    return _language


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = str(value)
    return flat


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All keys of one language; a room may keep its words in a file of its own, `<language>.<room>.toml`."""
    flat: dict[str, str] = {}
    for file in sorted(Path(__file__).parent.glob(f"{language}*.toml")):
        flat |= flatten(tomllib.loads(file.read_text(encoding="utf-8")))
    return flat


def say(key: str, /, **params: Any) -> str:
    return say_in(_language, key, **params)


def say_in(language: str, key: str, /, **params: Any) -> str:
    """The text of `key`; English where a translation is missing, the key itself where there is no text at all."""
    text = catalogue(language).get(key) or catalogue("en").get(key)
    if text is None:
        return key
    return _FORMATTER.vformat(text, (), params)


def known(key: str) -> bool:
    return key in catalogue("en")


def pick(text: Mapping[str, str]) -> str:
    """The current language's side of a text that lives in a data file."""
    return text.get(_language) or text.get("en") or ""


def problem(code: str, params: Mapping[str, Any], language: str | None = None) -> dict[str, str]:
    """what, why and next of a Problem."""
    return {part: say_in(language or _language, f"problem.{code}.{part}", **params) for part in ("what", "why", "next")}


class _Formatter(string.Formatter):
    """Besides plain placeholders: {x:gib} {x:gb} {x:duration}, and {x:row|rows}, which says the word for one or for
    many without the number. A missing or odd value never hides the sentence."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key), "?")

    def format_field(self, value: Any, format_spec: str) -> str:
        from wizard.words import units

        if "|" in format_spec:
            return format_spec.split("|")[str(value) != "1"]
        shown = {"gib": units.gib, "gb": units.gb, "duration": units.seconds}.get(format_spec)
        try:
            return shown(float(value)) if shown else str(format(value, format_spec))
        except (TypeError, ValueError):
            return str(value)


_FORMATTER = _Formatter()
