"""What a fetched model folder holds: written last, so that a folder without it counts as not fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from wizard.journal import read_json, write_json

NAME = "fetched.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    kind: str
    ref: str
    revision: str
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> bytes, mtime_ns, sha256
    sha256: Mapping[str, str] = field(default_factory=dict)  # what the hub says

    def meets(self, source: Mapping[str, Any]) -> bool:
        wanted = source.get("revision") or ""
        return self.ref == source["ref"] and wanted in ("", self.revision)


def read_record(folder: Path) -> Record | None:
    values = read_json(folder / NAME)
    try:
        return Record(**values) if values else None
    except TypeError:
        return None


def write_record(folder: Path, record: Record) -> Record:
    files = {str(path.relative_to(folder)): facts(path) for path in model_files(folder)}
    record = replace(record, files=files)
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


def facts(path: Path) -> dict[str, Any]:
    state = path.stat()
    return {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": sha256_of(path)}


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
