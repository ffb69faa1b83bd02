"""The rows of a JSON document one by one (an array, objects one after another, or {"data": [...]}), in flat memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from wizard.data.files.wrapped import WRAPPERS, unwrapped
from wizard.data.shape.fault import DataFault

CHUNK = 1 << 20
LONGEST = 64 << 20  # characters of one row
TOO_LONG = "the row is too long"
WHOLE = 8 << 20  # characters of a document around its rows that are held to see all of it
_space = re.compile(r"\s*")
_PLAIN = r'"[^"\\]*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[-+.\w]+)\s*,\s*'
_WRAPPED = re.compile(rf'\{{\s*(?:{_PLAIN})*"(?:{"|".join(WRAPPERS)})"\s*:\s*\[')


def elements(stream: TextIO) -> Iterator[Any]:
    """Raises DataFault data-json-broken with line and column where the document breaks off."""
    text = _Text(stream)
    if text.peek() != "[":
        yield from _one_after_another(text)
        return
    text.take()
    yield from _listed(text)
    text.end()


def _listed(text: _Text) -> Iterator[Any]:
    """What stands behind a list's opening bracket, which is closed then."""
    mark = text.peek()
    while mark != "]":
        yield text.value()
        mark = text.peek()
        if mark == ",":
            text.take()
        elif mark != "]":
            raise text.broken("Expecting ',' delimiter" if mark else "the document ends here")
    text.take()


def _one_after_another(text: _Text) -> Iterator[Any]:
    try:
        first = text.value(WHOLE) if text.peek() else None
    except DataFault:
        if text.enter(_WRAPPED):
            yield from _wrapped(text)
            return
        first = text.value()
    if not text.peek():
        yield from unwrapped(first)
        return
    yield first
    while text.peek():
        yield text.value()


def _wrapped(text: _Text) -> Iterator[Any]:
    """The rows of {"data": [...]} that is too long to be held, or cut off; no second list is passed over."""
    yield from _listed(text)
    while text.peek() == ",":
        text.take()
        name = text.value()
        text.expect(":")
        if name in WRAPPERS and text.peek() == "[":
            raise text.broken("Extra data")
        text.value()
    text.expect("}")
    text.end()


class _Text:
    """A window on the stream: what was read and not yet used, and the line and column it begins at."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._buffer, self._at = stream, "", 0
        self._line, self._column, self._ended = 1, 1, False
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is not space; nothing at the end."""
        while True:
            space = _space.match(self._buffer, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._buffer) or not self._more(CHUNK):
                return self._buffer[self._at : self._at + 1]

    def take(self) -> None:
        self._at += 1

    def expect(self, mark: str) -> None:
        if self.peek() != mark:
            raise self.broken("Expecting ',' delimiter")
        self.take()

    def enter(self, pattern: re.Pattern[str]) -> bool:
        """Behind what matches here, if it does."""
        found = pattern.match(self._buffer, self._at)
        self._at = found.end() if found else self._at
        return bool(found)

    def value(self, most: int = 0) -> Any:
        self.peek()
        size = CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
                if end < len(self._buffer) or self._ended or not self._more(CHUNK):
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                if len(self._buffer) - self._at > (most or LONGEST):
                    raise self.broken(TOO_LONG) from None
                if not self._more(size):
                    raise self._fault(error) from None
                size *= 2

    def end(self) -> None:
        if self.peek():
            raise self.broken("Extra data")

    def broken(self, why: str) -> DataFault:
        return self._position(self._at, why)

    def _fault(self, error: Exception) -> DataFault:
        at = getattr(error, "pos", self._at)
        return self._position(at, getattr(error, "msg", "") or type(error).__name__)

    def _position(self, at: int, why: str) -> DataFault:
        line, column = _advanced(self._line, self._column, self._buffer[:at])
        return DataFault("data-json-broken", line=line, column=column, why=why)

    def _more(self, size: int) -> bool:
        chunk = self._stream.read(size)
        self._ended = not chunk
        if chunk:
            self._line, self._column = _advanced(self._line, self._column, self._buffer[: self._at])
            self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return bool(chunk)


def _advanced(line: int, column: int, text: str) -> tuple[int, int]:
    breaks = text.count("\n")
    return (line + breaks, len(text) - text.rindex("\n")) if breaks else (line, column + len(text))
