"""Every text a person reads, in both languages: `say("welcome.title")`, `say("fit.short", gib="6.6 GiB")`."""

from __future__ import annotations

import os
import re
import string
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

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
    return _Formatter(language).vformat(text, (), params)


def formula(text: str) -> str:
    """A term's formula, whose words the law writes in English, in the current language."""
    if _language == "en":
        return text
    phrases = {phrase: key for key, phrase in catalogue("en").items() if key.startswith("formula.")}
    longest_first = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))
    return re.sub(rf"\b({longest_first})(?!\w)", lambda found: say(phrases[found[0]]), text)


def known(key: str) -> bool:
    return key in catalogue("en")


def pick(text: Mapping[str, str]) -> str:
    """The current language's side of a text that lives in a data file."""
    return text.get(_language) or text.get("en") or ""


def problem(code: str, params: Mapping[str, Any], language: str | None = None) -> dict[str, str]:
    """what, why and next of a Problem; `else` stands for `next` where there is nothing near to name."""
    keys = {part: f"problem.{code}.{part}" for part in ("what", "why", "next")}
    if not params.get("nearest", True) and known(f"problem.{code}.else"):
        keys["next"] = f"problem.{code}.else"
    return {part: say_in(language or _language, key, **params) for part, key in keys.items()}


class Way(Protocol):
    """What would help, and what it takes beside."""

    @property
    def code(self) -> str: ...
    @property
    def params(self) -> Mapping[str, Any]: ...
    @property
    def beside(self) -> Sequence[Way]: ...


def remedy(way: Way, language: str | None = None) -> str:
    used = language or _language
    told = say_in(used, f"remedy.{way.code}", **way.params)
    if not way.beside:
        return told
    also = say_in(used, "remedy.and").join(
        say_in(used, f"remedy-beside.{one.code}", **one.params) for one in way.beside
    )
    return say_in(used, "remedy.with", way=told, also=also)


class _Formatter(string.Formatter):
    """Besides plain placeholders: {x:gib} {x:gb} {x:duration}, and {ycdy}, the program's own name as it was typed;
    {x:row|rows}, which says the word for one or for many without the number; of a problem in a problem {x:what}
    {x:why} {x:next}, of a rejected row {x:reject}, of a list of remedies {x:remedies}; {x:hub} {x:cause} {x:causes}
    {x:json} {x:prompt-side} {x:prompt-cause} {x:hanging} {x:astray} for what others said;
    of data {x:kind} {x:kinds} {x:task} {x:tasks} {x:goal} {x:goals} {x:instead}, and {x:media} for a picture, a video,
    a sound. A missing or odd value never hides the sentence."""

    def __init__(self, language: str) -> None:
        self._language = language

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if key == "ycdy":
            return os.environ.get("YCDY_COMMAND") or "yichuidingyin"
        return kwargs.get(str(key), "?")

    def format_field(self, value: Any, format_spec: str) -> str:
        from wizard.words import units

        if format_spec in ("what", "why", "next") and isinstance(value, Mapping) and "code" in value:
            return say_in(self._language, f"problem.{value['code']}.{format_spec}", **value.get("params", {}))
        if format_spec == "reject" and isinstance(value, Mapping):
            return say_in(self._language, f"reject.{value.get('code')}", **value.get("params", {}))
        if format_spec == "remedies" and isinstance(value, Sequence):
            return "".join("; " + say_in(self._language, f"remedy.{way['code']}", **way["params"]) for way in value)
        if "|" in format_spec:
            return format_spec.split("|")[str(value) != "1"]
        named = {
            "json": self._json, "hub": self._hub, "cause": self._cause, "causes": self._causes, "media": self._media,
            "kind": self._kind, "kinds": self._kinds, "task": self._task, "tasks": self._tasks,
            "goal": self._goal, "goals": self._goals, "instead": self._instead,
        }.get(format_spec)  # fmt: skip
        if format_spec in ("prompt-side", "prompt-cause", "hanging", "astray"):
            return say_in(self._language, f"{format_spec}.{value}")
        shown = {"gib": units.gib, "gb": units.gb, "duration": units.seconds}.get(format_spec)
        try:
            return named(value) if named else shown(float(value)) if shown else str(format(value, format_spec))
        except (TypeError, ValueError, KeyError):
            return str(value)

    def _json(self, why: Any) -> str:
        """What Python's reader says is wrong, in this language."""
        key = "json." + re.sub(r"[^a-z]+", "-", str(why).lower()).strip("-")
        return say_in(self._language, key) if known(key) else str(why)

    def _hub(self, hub: Any) -> str:
        return say_in(self._language, f"hub.{hub}") if known(f"hub.{hub}") else str(hub)

    def _media(self, kind: Any) -> str:
        return say_in(self._language, f"media.{kind}")

    def _cause(self, code: Any) -> str:
        return say_in(self._language, f"cause.{code}" if known(f"cause.{code}") else "cause.other")

    def _causes(self, tried: Any) -> str:
        """[{"hub", "code"}]: each hub with what was wrong there."""
        parts = [f"{self._hub(each['hub'])} {self._cause(each['code'])}" for each in tried]
        return say_in(self._language, "cause.and").join(parts)

    def _kind(self, kind: Any) -> str:
        """What rows of a data source are."""
        key = f"view.data.kind.{kind}"
        return say_in(self._language, key) if known(key) else str(kind)

    def _kinds(self, kinds: Any) -> str:
        """{source: kind}, of several sources."""
        if not isinstance(kinds, Mapping):
            return str(kinds)
        return say_in(self._language, "data.comma").join(f"{name}: {self._kind(kind)}" for name, kind in kinds.items())

    def _task(self, task: Any) -> str:
        return say_in(self._language, f"task.{task}") if known(f"task.{task}") else str(task)

    def _tasks(self, tasks: Any) -> str:
        return say_in(self._language, "data.comma").join(map(self._task, tasks))

    def _goal(self, task: Any) -> str:
        """As the first screen calls it."""
        return say_in(self._language, f"goal.{task}.title") if known(f"goal.{task}.title") else self._task(task)

    def _goals(self, tasks: Any) -> str:
        return say_in(self._language, "data.or").join(
            say_in(self._language, "data.quoted", name=self._goal(task)) for task in tasks
        )

    def _instead(self, kind: Any) -> str:
        """How rows of a kind can be used for another goal all the same."""
        return say_in(self._language, f"instead.{kind}" if known(f"instead.{kind}") else "instead.messages")
