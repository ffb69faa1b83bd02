"""Mappings, lists, numbers and texts as YAML: what Kubernetes reads, and no more of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PLAIN = re.compile(r"[A-Za-z][\w./-]*", re.ASCII)
WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")  # of YAML 1.1


def written(value: Any) -> str:
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    pairs = value.items() if isinstance(value, Mapping) else ((None, item) for item in value)
    for key, item in pairs:
        head = "-" if key is None else f"{_key(key)}:"
        if isinstance(item, (Mapping, list, tuple)) and item:
            yield from _nested(head, item, key is None)
        elif isinstance(item, str) and _is_block(item):
            yield f"{head} |-" if not item.endswith("\n") else f"{head} |"
            yield from (f"  {line}" if line else "" for line in item.removesuffix("\n").split("\n"))
        else:
            yield f"{head} {_plain(item)}"


def _nested(head: str, item: Mapping[str, Any] | Sequence[Any], listed: bool) -> Iterator[str]:
    inside = list(_lines(item))
    if listed:
        yield f"- {inside[0]}"
        inside = inside[1:]
    else:
        yield head
    yield from (f"  {line}" if line else "" for line in inside)


def _key(key: str) -> str:
    return key if PLAIN.fullmatch(key) and key.lower() not in WORDS else json.dumps(key, ensure_ascii=False)


def _is_block(text: str) -> bool:
    """Lines that may stand as they are; what begins with a blank, or is no plain text, is quoted."""
    lines = text.removesuffix("\n")
    plain = "\n" in text and all(char.isprintable() or char == "\n" for char in lines)
    return plain and bool(lines) and not lines.startswith((" ", "\n")) and not lines.endswith("\n")


def _plain(value: Any) -> str:
    """JSON's are YAML's too: quoted texts are never taken for numbers or for `no`."""
    return json.dumps(value, ensure_ascii=False)
