"""Strict TOML: a file becomes a frozen dataclass, or a list of everything that is wrong with it."""

from __future__ import annotations

import difflib
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from wizard.contract import Problem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
ALIKE = 0.6  # less, and it is another word
Path = tuple[str | int, ...]
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER = re.compile(rf"^\s*(\[\[?)\s*({_DOTTED})\s*\]")
_KEY = re.compile(rf"^\s*({_DOTTED})\s*=")
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)|\s*\(at end of document\)")
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def nearest(word: str, known: Iterable[str], cutoff: float = ALIKE) -> str:
    """The known word spelt most like `word`; none where it is like none, and what has a `/` is a path or a hub's id."""
    return "" if "/" in word else next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)), "")


def parse(text: str, file: str) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    try:
        return tomllib.loads(text), ()
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        detail = _AT_LINE.sub("", str(error))
        return {}, (Problem(code="toml-broken", params={"file": file, "line": line, "detail": detail}),)


def read(
    cls: type[T], text: str, file: str, *, hidden: tuple[str, ...] = (), **fixed: Any
) -> tuple[T | None, tuple[Problem, ...]]:
    """Builds `cls`; `fixed` fields come from elsewhere (a file name), `hidden` ones may not be written in a file."""
    table, broken = parse(text, file)
    if broken:
        return None, broken
    reader = Reader(file, text)
    value = reader.build(cls, table, (), hidden=hidden, fixed=fixed)
    return (None if reader.problems else value), tuple(reader.problems)


class Reader:
    """Walks one parsed file beside the types it should have and collects what does not agree."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._lines = lines_of(text)

    def line(self, path: Path) -> int:
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def add(self, code: str, path: Path, **params: Any) -> None:
        key = ".".join(str(part) for part in path)
        self.problems.append(
            Problem(code=code, params={"file": self.file, "key": key, "line": self.line(path), **params})
        )

    def build(
        self,
        cls: type[T],
        table: Any,
        path: Path,
        *,
        hidden: tuple[str, ...] = (),
        fixed: Mapping[str, Any] | None = None,
    ) -> T | None:
        fixed = fixed or {}
        if not isinstance(table, dict):
            self._wrong(path, "a table", table)
            return None
        kind: Any = cls
        hints = _hints(kind)
        known = [name for name in hints if name not in hidden and name not in fixed]
        for key in table:
            if key in fixed and table[key] == fixed[key]:
                continue
            if key not in known:
                allowed = ", ".join(known)
                self.add("toml-unknown-key", (*path, key), nearest=nearest(key, known), allowed=allowed)
        for name in _required(kind):
            if name in known and name not in table:
                self.add("toml-missing-key", path, name=name)
        before = len(self.problems)
        values = {name: self.value(hints[name], table[name], (*path, name)) for name in known if name in table}
        missing = [name for name in _required(kind) if name not in values and name not in fixed]
        return None if missing or len(self.problems) > before else cls(**values, **fixed)

    def value(self, hint: Any, raw: Any, path: Path) -> Any:
        origin, args = get_origin(hint), get_args(hint)
        if hint is Any:
            return raw
        if origin is Literal:
            return self._literal(args, raw, path)
        if origin in (Union, types.UnionType):
            return self.value(next(arg for arg in args if arg is not type(None)), raw, path)
        if origin is tuple:
            return self._tuple(args, raw, path)
        if origin is not None and issubclass(origin, Mapping):
            if not isinstance(raw, dict):
                return self._wrong(path, "a table", raw)
            return {key: self.value(args[1], item, (*path, key)) for key, item in raw.items()}
        if is_dataclass(hint):
            return self.build(hint, raw, path)  # type: ignore[arg-type]
        return self._scalar(hint, raw, path)

    def _scalar(self, hint: type, raw: Any, path: Path) -> Any:
        if hint is float and isinstance(raw, int) and not isinstance(raw, bool):
            return float(raw)
        if isinstance(raw, hint) and (hint is bool or not isinstance(raw, bool)):
            return raw
        return self._wrong(path, _WORDS.get(hint, hint.__name__), raw)

    def _literal(self, allowed: tuple[Any, ...], raw: Any, path: Path) -> Any:
        if raw in allowed:
            return raw
        words = [str(word) for word in allowed]
        self.add("toml-unknown-word", path, word=str(raw), nearest=nearest(str(raw), words), allowed=", ".join(words))
        return None

    def _tuple(self, args: tuple[Any, ...], raw: Any, path: Path) -> Any:
        if not isinstance(raw, list):
            return self._wrong(path, "a list", raw)
        if args[-1:] == (Ellipsis,):
            return tuple(self.value(args[0], item, (*path, at)) for at, item in enumerate(raw))
        if len(raw) != len(args):
            return self._wrong(path, f"a list of {len(args)}", raw)
        return tuple(self.value(hint, item, (*path, at)) for at, (hint, item) in enumerate(zip(args, raw, strict=True)))

    def _wrong(self, path: Path, expected: str, raw: Any) -> Any:
        self.add("toml-wrong-type", path, expected=expected, found=repr(raw)[:40])
        return None


def lines_of(text: str) -> dict[Path, int]:
    """The line on which each key or table of a TOML text is written."""
    lines: dict[Path, int] = {}
    table: Path = ()
    count: dict[Path, int] = {}
    for number, line in _outside_strings(text):
        if header := _HEADER.match(line):
            table = _resolve(_names(header[2]), count)
            if header[1] == "[[":
                count[table] = count.get(table, -1) + 1
                table = (*table, count[table])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            path = table
            for name in _names(key[1]):
                path = (*path, name)
                lines.setdefault(path, number)
    return lines


def _outside_strings(text: str) -> Iterator[tuple[int, str]]:
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        yield number, line
        for quote in ('"""', "'''"):
            if line.count(quote) % 2:
                closing = quote


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_NAME, dotted))


def _resolve(names: tuple[str, ...], count: Mapping[Path, int]) -> Path:
    path: Path = ()
    for at, name in enumerate(names):
        path = (*path, name)
        if path in count and at < len(names) - 1:
            path = (*path, count[path])
    return path


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


@cache
def _required(cls: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING)
