"""Rows pasted into the window: looked at as they are, and kept as a file like any other."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from io import StringIO
from itertools import chain, islice
from pathlib import Path

from wizard.contract import DataReport
from wizard.data.files import rows_of
from wizard.data.files.containers import sniff, table_by_header
from wizard.data.files.media.checking import Media
from wizard.data.readers.files import told
from wizard.data.readers.tally import Tally
from wizard.data.shape import HEAD_ROWS, DataFault, recognise

PASTED = Path("(pasted)")


def inspect_text(text: str, *, format: str = "", mapping: Mapping[str, str] | None = None) -> DataReport:
    with told(PASTED):
        if not text.strip():
            raise DataFault("data-empty")
        numbered = rows_of(StringIO(text, newline=""), _container(text))
        head = list(islice(numbered, HEAD_ROWS))
        tally = Tally(recognise((row for _, row in head), format, mapping), Media.beside(PASTED))
        tally.add(chain(head, numbered))
        return tally.report("utf-8")


def keep_text(text: str, folder: Path) -> Path:
    """Saved under a name made of its content: the same text is kept once."""
    data = text.encode("utf-8", "replace")
    path = folder / f"{hashlib.sha256(data).hexdigest()[:12]}.{_container(text)}"
    with told(path):
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    return path


def _container(text: str) -> str:
    found = sniff(text)
    return (table_by_header(text) or found) if found == "txt" else found
