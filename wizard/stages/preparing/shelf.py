"""Prepared rows by what they were made from, so that the same data are tokenised once.

An entry of `$YCDY_STORE/prepared` shares its files with the runs that use it; once they are gone it goes too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wizard.data.files.identity import file_sha256
from wizard.journal import read_json, write_json
from wizard.stages.template import Talker

COUNTS = "counts.json"
CODE = Path(__file__).parents[2]  # the wizard package that runs here
READING = ("data", "stages/preparing", "stages/template.py")


def key_of(spec: Mapping[str, Any], sums: Iterable[str], talker: Talker) -> str:
    """Of everything that decides the rows. `sums`: the digest of each source's bytes."""
    data = {name: value for name, value in spec["data"].items() if name not in ("sources", "sha256", "copied")}
    template = talker.source
    told = {
        "source": hashlib.sha256("\n".join(sums).encode()).hexdigest(),
        "data": data,
        "sources": [{**each, "ref": "", "path": "", "sha256": ""} for each in spec["data"].get("sources", ())],
        "task": spec.get("task"),
        "knobs": spec["knobs"],
        "template": template,
        "special": dict(talker.special),
        "tokenizer": file_sha256(talker.folder / "tokenizer.json"),
        "day": date.today().isoformat() if "strftime_now" in template else "",
        "code": code_digest(),
        "packages": [version("tokenizers"), version("jinja2")],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def code_digest() -> str:
    digest = hashlib.sha256()
    for room in READING:
        place = CODE / room
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def taken(shelf: Path, key: str, folder: Path) -> dict[str, Any]:
    """What was counted when these rows were made, and their files in `folder` too; empty where none are kept."""
    entry = shelf / key
    kept = read_json(entry / COUNTS)
    sizes = kept.get("sizes", {})
    if not kept or any(_size(entry / name) != size for name, size in sizes.items()):
        return {}
    try:
        for name in sizes:
            (folder / name).unlink(missing_ok=True)
            os.link(entry / name, folder / name)
    except OSError:
        return {}
    return dict(kept["told"])


def put(shelf: Path, key: str, files: Iterable[Path], told: Mapping[str, Any]) -> None:
    """Keeps finished files. Where a disk knows no second name for a file nothing is kept: a run holds its rows."""
    entry, part = shelf / key, shelf / f"{key}.part"
    with suppress(OSError):
        shelf.mkdir(parents=True, exist_ok=True)
        _sweep(shelf)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        sizes = {}
        for file in files:
            os.link(file, part / file.name)
            sizes[file.name] = file.stat().st_size
        write_json(part / COUNTS, {"sizes": sizes, "told": dict(told)})
        shutil.rmtree(entry, ignore_errors=True)
        part.rename(entry)
    shutil.rmtree(part, ignore_errors=True)


def _sweep(shelf: Path) -> None:
    for entry in shelf.iterdir():
        rows = entry / "rows.arrow"
        with suppress(OSError):
            if entry.suffix != ".part" and (not rows.exists() or rows.stat().st_nlink == 1):
                shutil.rmtree(entry)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1
