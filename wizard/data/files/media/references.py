"""What a row says of a picture, made into where it is: a file, an address, or the bytes themselves."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from wizard.contract import Rejected
from wizard.data.shape.fault import reject

SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
SHOWN = 120  # characters of a reference in a message
BARE = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "Qk")  # how pictures begin in base64: png jpeg gif webp bmp


@dataclass(frozen=True, slots=True)
class Address:
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where relative references start: the data file's folder first, then `more`."""

    folder: Path
    more: tuple[Path, ...] = ()


Found = Path | Address | bytes


def find(reference: Any, roots: Roots) -> Found | Rejected:
    if isinstance(reference, Mapping):
        return _from_object(reference, roots)
    if isinstance(reference, (bytes, bytearray)):
        return bytes(reference)
    if not isinstance(reference, str) or not reference.strip():
        return reject("media-reference")
    reference = reference.strip()
    if reference[:5].lower() == "data:":
        return _from_data(reference)
    if reference[:7].lower() == "file://":  # as Qwen's own examples name pictures on the disk
        return _file(unquote(reference[7:].removeprefix("localhost")), roots)
    if SCHEME.match(reference):
        web = reference.lower().startswith(("http://", "https://"))
        return Address(reference) if web else reject("media-scheme", ref=shown(reference))
    return _file(reference, roots)


def shown(reference: Any) -> str:
    """Short enough for a message, without a query, which may hold a key."""
    if isinstance(reference, Mapping):
        reference = reference.get("path") or reference.get("url")
    if not isinstance(reference, str) or reference[:5].lower() == "data:":
        return "data"
    text = reference.partition("?")[0] if SCHEME.match(reference) else reference
    text = re.sub(r"(?<=://)[^/@]*@", "", text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _from_object(reference: Mapping[str, Any], roots: Roots) -> Found | Rejected:
    """{"bytes", "path"} as data sets of pictures have it, or {"url"}; bytes go before the path they came from."""
    held = reference.get("bytes")
    if isinstance(held, (bytes, bytearray)) and held:
        return bytes(held)
    if isinstance(held, str) and held:
        return _decoded(held)
    inner = reference.get("path") or reference.get("url")
    return find(inner, roots) if isinstance(inner, str) else reject("media-reference")


def _from_data(reference: str) -> bytes | Rejected:
    head, comma, body = reference.partition(",")
    if not comma:
        return reject("media-data")
    return _decoded(body) if head.lower().endswith(";base64") else unquote_to_bytes(body)


def _decoded(text: str) -> bytes | Rejected:
    compact = "".join(text.split()).translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        return reject("media-data")


def _file(reference: str, roots: Roots) -> Found | Rejected:
    slashed = reference.replace("\\", "/")
    for root in (roots.folder, *roots.more):
        for name in dict.fromkeys((reference, slashed)):
            try:
                path = root / (Path(name).expanduser() if name.startswith("~/") else name)
                if path.exists():
                    return path
            except (OSError, ValueError, RuntimeError):  # too long, no name at all, or nobody's home
                continue
    if reference.startswith(BARE) and isinstance(decoded := _decoded(reference), bytes):
        return decoded
    return reject("missing-media", ref=shown(reference))
