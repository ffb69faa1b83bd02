"""How a file is cut into rows, by its name and, where names lie, by how it begins."""

from __future__ import annotations

import json
from pathlib import Path

from wizard.data.files.encodings import READABLE, open_text
from wizard.data.shape.fault import DataFault

BY_SUFFIX = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".txt": "txt", ".md": "txt", ".markdown": "txt"}
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
LATER = (
    ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".gz", ".zst", ".zip", ".7z", ".rar", ".tar", ".bz2", ".xz",
    ".doc", ".docx", ".pdf", ".ppt", ".pptx", ".db", ".sqlite", ".pkl", ".pt", ".bin", ".npy",
)  # fmt: skip
HEAD = 1 << 20


def container_of(path: Path, encoding: str) -> str:
    """jsonl json csv tsv txt."""
    suffix = Path(path).suffix.lower()
    if suffix in LATER:
        raise DataFault("data-format-unsupported", found=suffix, readable=READABLE)
    if suffix in BY_SUFFIX:
        return BY_SUFFIX[suffix]
    with open_text(path, encoding) as stream:
        head = stream.read(HEAD)
    return sniff(head, json_lines=suffix in (".jsonl", ".ndjson"), json_only=suffix in JSON_SUFFIXES)


def sniff(head: str, *, json_lines: bool = False, json_only: bool = False) -> str:
    """The container of a text without a telling name."""
    text = head.lstrip("\ufeff \t\r\n")
    first, _, rest = text.partition("\n")
    if text[:1] not in ("{", "[") and not json_only:
        return "txt"
    if rest.strip() and _whole(first):
        return "jsonl"
    return "jsonl" if json_lines and text[:1] != "[" else "json"


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
