"""What a fetched model folder holds: written last, so that a folder without it counts as not fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from wizard.journal import read_json, write_json

NAME = "fetched.json"
BLOCK = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Record:
    kind: str
    ref: str
    revision: str  # Hugging Face: the commit; ModelScope: `<commit or branch>@sha256:<of the contents>`
    asked: str = ""  # the branch or tag that was asked for
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> bytes, mtime_ns, sha256

    def meets(self, source: Mapping[str, Any]) -> bool:
        wanted = source.get("revision") or ""
        return (self.kind, self.ref) == (source["kind"], source["ref"]) and wanted in ("", self.revision, self.asked)


def read_record(folder: Path) -> Record | None:
    values = read_json(folder / NAME)
    known = {item.name for item in fields(Record)}
    try:
        return Record(**{name: value for name, value in values.items() if name in known})
    except TypeError:
        return None


def write_record(folder: Path, record: Record, sums: Mapping[str, str] | None = None) -> Record:
    """`sums`: the sha256 of files that were just read, so that they are not read again."""
    known = sums or {}
    names = {path.relative_to(folder).as_posix(): path for path in model_files(folder)}
    record = replace(record, files={name: facts(path, known.get(name, "")) for name, path in names.items()})
    write_json(folder / NAME, asdict(record))
    return record


def unchanged(folder: Path, record: Record) -> str:
    """The first file that is not what was fetched, or nothing. Contents are read only where the date has changed."""
    for name, known in record.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != known["bytes"]:
            return name
        if path.stat().st_mtime_ns != known["mtime_ns"] and sha256_of(path) != known["sha256"]:
            return name
    return ""


def model_files(folder: Path) -> list[Path]:
    """All but what we and the hubs' SDKs note down for ourselves."""
    found = [path for path in folder.rglob("*") if path.is_file() and path != folder / NAME]
    return sorted(path for path in found if not any(part[0] == "." for part in path.relative_to(folder).parts))


def facts(path: Path, sha256: str = "") -> dict[str, Any]:
    state = path.stat()
    return {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": sha256 or sha256_of(path)}


def sha256_of(path: Path) -> str:
    return _read(path, hashlib.sha256())


def git_oid_of(path: Path) -> str:
    return _read(path, hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False))


def _read(path: Path, digest: Any) -> str:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    found: str = digest.hexdigest()
    return found
