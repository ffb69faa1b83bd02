"""What the memory law recorded, carried from one process to the next: it depends on the law's code alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from wizard import contract, fit
from wizard.journal import Home, read_json, write_atomic

PARTS = 3  # of a recording


@contextmanager
def carried(home: Home) -> Iterator[None]:
    """What is judged inside need not record again what was recorded before; what it adds is kept."""
    path = home.cache / f"recordings-{_code()}.json"
    _recall(path)
    before = len(fit.recorded())
    yield
    if len(fit.recorded()) != before and home.root.is_dir():
        with suppress(OSError):  # a full or a foreign disk costs time alone
            write_atomic(path, json.dumps(fit.recorded(), separators=(",", ":")))
            for other in path.parent.glob("recordings-*.json"):
                if other != path:
                    other.unlink()


@cache
def _recall(path: Path) -> None:
    """Once in a process."""
    fit.recall({name: told for name, told in read_json(path).items() if isinstance(told, list) and len(told) == PARTS})


@cache
def _code() -> str:
    law, shapes = Path(fit.__file__).parent, Path(contract.__file__).parent
    files = sorted([*law.rglob("*.py"), *shapes.glob("*.py")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
