"""Frozen values that are keys again and again: their hash is taken once."""

from __future__ import annotations

from dataclasses import fields


class HashedOnce:
    """For a frozen dataclass with slots, whose own `__hash__` has to be named in it: dataclasses would make another."""

    __slots__ = ("_hash",)
    _hash: int

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            found = hash(tuple(getattr(self, each.name) for each in fields(self)))  # type: ignore[arg-type]
            object.__setattr__(self, "_hash", found)
            return found
