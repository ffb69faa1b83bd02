"""Cells as text, lists, truths and numbers: NaN, damaged characters, JSON written into a table's cell."""

from __future__ import annotations

import ast
import json
import math
from typing import Any

from wizard.data.shape.fault import Refused

DEEPEST = 64  # brackets inside one another, of what is kept as it is
LONGEST_LITERAL = 1 << 20
LARGEST = 1e300
LITERALS = ("[{'", "[['", "[('", "{'")  # a list or object as Python prints it
TRUTHS = {
    "true": True, "1": True, "1.0": True, "yes": True, "good": True, "desirable": True, "是": True, "好": True,
    "真": True,
    "false": False, "0": False, "0.0": False, "no": False, "bad": False, "undesirable": False, "否": False, "坏": False,
    "假": False,
}  # fmt: skip


def is_blank(text: str) -> bool:
    stripped = text.strip()
    return not stripped or stripped in ("nan", "NaN")


def is_missing(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, (str, float)) and is_blank(str(value)))


def clean(text: str) -> str:
    """Refused where bytes could not be decoded or an escape made half a character: such text cannot be saved again."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("bad-characters") from None
    return text


def text_of(value: Any) -> str:
    if isinstance(value, str):
        return clean(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise Refused("bad-content", found=type(value).__name__)


def parsed(text: str) -> Any:
    """What JSON, or Python's own print of it, says; None where it is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text.lstrip().startswith(LITERALS) and len(text) <= LONGEST_LITERAL:
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            pass
    return None


def listed(value: Any) -> list[Any] | None:
    """A list, or the list written into a table's cell."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = parsed(value)
    return list(value) if isinstance(value, tuple) else value if isinstance(value, list) else None


def truth_of(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return TRUTHS.get(str(value).strip().lower()) if isinstance(value, (str, int, float)) else None


def number_of(value: Any) -> int | float | None:
    """Of a number or its digits; None for anything else, what no float holds included."""
    if isinstance(value, str):
        try:
            value = int(value) if len(value) < 20 else None
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -LARGEST < value < LARGEST else None


def bounded(value: Any) -> Any:
    """The same value; Refused where its brackets go too deep to be written again."""
    layer = [value]
    for _ in range(DEEPEST):
        inside = [each.values() if isinstance(each, dict) else each for each in layer if isinstance(each, (dict, list))]
        layer = [item for each in inside for item in each]
        if not layer:
            return value
    raise Refused("too-deep", levels=DEEPEST)
