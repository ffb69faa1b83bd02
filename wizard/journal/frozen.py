"""Between the contract's frozen values and JSON."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import PurePath
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from wizard.journal.lines import finite

T = TypeVar("T")


def freeze(value: Any) -> Any:
    """What json.dumps takes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: freeze(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): freeze(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [freeze(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    return finite(value)


def thaw(cls: type[T], data: Any) -> T:
    """A contract value from JSON. Keys it does not know are left out: a newer version may have written them."""
    value: T = _thaw(cls, data)
    return value


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _thaw(hint: Any, data: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        return hint(
            **{item.name: _thaw(hints[item.name], data[item.name]) for item in fields(hint) if item.name in data}
        )
    origin, args = get_origin(hint), get_args(hint)
    if data is None or origin is None:
        return float(data) if hint is float and isinstance(data, int) else data
    if origin in (Union, types.UnionType):
        return _thaw(next((arg for arg in args if _matches(arg, data)), Any), data)
    if origin is tuple:
        return _thaw_tuple(args, data)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _thaw(args[1], item) for key, item in data.items()}
    return data


def _thaw_tuple(args: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_thaw(args[0], item) for item in data)
    return tuple(_thaw(arg, item) for arg, item in zip(args, data, strict=False))


def _matches(hint: Any, data: Any) -> bool:
    """Which side of a union a JSON value belongs to."""
    origin = get_origin(hint) or hint
    if is_dataclass(hint) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return isinstance(data, dict)
    if origin is tuple:
        return isinstance(data, list)
    if origin is float:
        return isinstance(data, (int, float)) and not isinstance(data, bool)
    return isinstance(origin, type) and isinstance(data, origin)
