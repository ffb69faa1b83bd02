"""What data are known by. The rule is in docs/decisions/0018."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from wizard.data.files.listing import Listing

SAMPLED = "sampled:"
HASHED_BYTES = 256 << 20  # are read whole while somebody waits: a second or two
PLACES, FEWEST, PLACE_BYTES = 128, 3, 64 << 10  # of all files together, of each, and how much is read there


def identity_of(found: Listing) -> str:
    """`sha256_of` it; of more bytes than somebody would wait for, SAMPLED and a digest of sizes and places."""
    size = sum(path.stat().st_size for path in _labels(found))
    return sha256_of(found) if size <= HASHED_BYTES else sampled_of(found)


def sha256_of(found: Listing) -> str:
    """Of the one file's bytes; of several, of their names and bytes."""
    paths = _labels(found)
    if len(paths) == 1:
        return file_sha256(next(iter(paths)))
    digest = hashlib.sha256()
    for path, label in paths.items():
        digest.update(f"{label}\0{file_sha256(path)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def sampled_of(found: Listing) -> str:
    paths = _labels(found)
    digest = hashlib.sha256()
    for path, label in paths.items():
        told = f"{label if len(paths) > 1 else ''}\0{path.stat().st_size}\n"
        digest.update(told.encode("utf-8", "surrogateescape"))
        for block in _blocks(path, max(FEWEST, PLACES // len(paths))):
            digest.update(block)
    return SAMPLED + digest.hexdigest()


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path, places: int) -> Iterator[bytes]:
    """The first and the last, and others evenly between; all of a file that is no longer than they are."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= places * PLACE_BYTES:
            yield file.read(size)
            return
        for number in range(places):
            file.seek(number * (size - PLACE_BYTES) // (places - 1))
            yield file.read(PLACE_BYTES)


def _labels(found: Listing) -> dict[Path, str]:
    return {part.path: part.label for part in found.parts}
