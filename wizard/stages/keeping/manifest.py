"""What a checkpoint consists of: each file with its size and SHA-256, in a file that is written last."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from wizard.journal import read_json, write_json

NAME = "whole.json"
CHUNK = 1 << 20
READERS = 4  # hashing lets other threads run


def seal(folder: Path, **told: Any) -> None:
    """Every file below `folder` reaches the disk, then the manifest does. `told`: what else is known of it."""
    files = list(below(folder))
    with ThreadPoolExecutor(READERS) as pool:
        digests = pool.map(settled, files)
        named = {str(file.relative_to(folder)): facts for file, facts in zip(files, digests, strict=True)}
    write_json(folder / NAME, {**told, "files": named})
    settle(folder / NAME)
    settle(folder)


def read(folder: Path) -> Mapping[str, Any]:
    return read_json(folder / NAME)


def fault_of(folder: Path) -> str | None:
    """The first file that is missing or is not what was written; the manifest's own name where there is none."""
    named = read(folder).get("files")
    if not isinstance(named, dict) or not named:
        return NAME
    with ThreadPoolExecutor(READERS) as pool:
        same = pool.map(lambda each: is_same(folder / each[0], *each[1]), named.items())
        return next((name for name, good in zip(named, same, strict=True) if not good), None)


def bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in below(folder))


def below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != NAME)


def settled(file: Path) -> tuple[int, str]:
    """Its size in bytes and its digest, once it is on the disk."""
    settle(file)
    return file.stat().st_size, digest(file)


def is_same(file: Path, size: int, sha256: str) -> bool:
    try:
        return file.stat().st_size == size and digest(file) == sha256
    except OSError:
        return False


def digest(file: Path) -> str:
    told = hashlib.sha256()
    with file.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK):
            told.update(chunk)
    return told.hexdigest()


def settle(path: Path) -> None:
    """fsync of a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
