"""How a file is cut into rows: by how it begins, and by its name where both agree."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from wizard.data.files.encodings import READABLE, WHOLE_BYTES, encoding_of_bytes
from wizard.data.files.parts import Part, Unpacked, broken_told, opened, seekable
from wizard.data.shape.columns import ALPACA, PAIR
from wizard.data.shape.fault import DataFault
from wizard.data.shape.layout import find_columns

BY_SUFFIX = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".txt": "txt", ".md": "txt", ".markdown": "txt"}
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
BINARY = {
    b"PAR1": "parquet", b"ARROW1": "feather", b"\xff\xff\xff\xff": "arrow", b"PK\x03\x04": "sheet",
    b"\xd0\xcf\x11\xe0": "sheet",
}  # fmt: skip
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}  # and packed again
REFUSED = (".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".doc", ".docx", ".pdf", ".ppt", ".pptx", ".db", ".sqlite",
           ".pkl", ".pickle", ".pt", ".pth", ".bin", ".npy", ".npz", ".h5", ".py", ".html", ".htm", ".xml")  # fmt: skip
BOOKS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
_ROWS = re.compile(r'\s*\[\s*\{\s*"')  # an array of objects
HEAD = 1 << 20
LARGE_HEAD, PLACES, PLACE_BYTES = 16 << 20, 64, 64 << 10


class Cut(NamedTuple):
    container: str  # jsonl json csv tsv txt sheet parquet arrow feather
    encoding: str


def cut_of(part: Part, encoding: str = "") -> Cut:
    """Raises DataFault where it is nothing that is read."""
    suffix = refuse_by_name(part)
    with opened(part) as stream:
        start = stream.read(8)
        if binary := _binary(start):
            if start.startswith(b"PK"):
                refuse_archive(part)
            return Cut(binary, "utf-8")
        if packed := next((name for magic, name in PACKED.items() if start.startswith(magic)), ""):
            raise DataFault("data-archive-nested", inner=packed)
        marked = start.startswith((b"\xff\xfe", b"\xfe\xff"))
        if suffix in (".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".ods") and b"\0" in start and not marked:
            raise DataFault("data-not-what-it-says", suffix=suffix)
        head = start + (looked_at(stream, part) if part.bytes > WHOLE_BYTES else read_up_to(stream, WHOLE_BYTES))
    encoding = encoding or encoding_of_bytes(head)
    wide = encoding.lower().startswith(("utf-16", "utf_16", "utf-32", "utf_32"))
    text = head[:HEAD].decode(encoding, "replace" if wide else "surrogateescape")
    if encoding == "utf-8-sig" or text.startswith("\ufeff"):
        text = text.lstrip("\ufeff")
    return Cut(_by_text(suffix, text), encoding)


def binary_of(part: Part) -> str:
    """Its container, where that is no text."""
    with opened(part) as stream:
        return _binary(stream.read(8))


def _binary(start: bytes) -> str:
    return next((name for magic, name in BINARY.items() if start.startswith(magic)), "")


def looked_at(stream: BinaryIO, part: Part) -> bytes:
    """What a large file's encoding is told by: its beginning, and whole lines from all over it where one can jump."""
    head = read_up_to(stream, LARGE_HEAD)
    if isinstance(getattr(stream, "raw", None), Unpacked) or b"\0" in head:
        return head
    pieces = [head[: head.rfind(b"\n") + 1] or head]
    for number in range(1, PLACES + 1):
        stream.seek(number * (part.bytes - PLACE_BYTES) // PLACES)
        place = stream.read(PLACE_BYTES)
        pieces.append(place[place.find(b"\n") + 1 : place.rfind(b"\n") + 1])
    return b"".join(pieces)


def refuse_by_name(part: Part) -> str:
    """Its suffix, where that is none of what is never read."""
    suffix = PurePosixPath(part.name).suffix.lower()
    if suffix in REFUSED:
        raise DataFault("data-format-unsupported", found=suffix, readable=READABLE)
    return suffix


def read_up_to(stream: BinaryIO, size: int) -> bytes:
    """As much as there is; one `read` of an unpacking stream may give less."""
    pieces = []
    while size > 0 and (piece := stream.read(min(size, 1 << 20))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def is_archive(part: Part) -> bool:
    """A zip that is no workbook."""
    with opened(part) as stream:
        if stream.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
            return False
    try:
        with seekable(part) as file, broken_told(), zipfile.ZipFile(file) as archive:
            return not any(name in BOOKS for name in archive.namelist())
    except DataFault as fault:
        if fault.problem.code != "data-archive-broken":
            raise
        return not part.name.lower().endswith((".xlsx", ".ods", ".xlsm", ".xlsb"))


def refuse_archive(part: Part) -> None:
    """Of a zip within a folder or a zip, or of an Office document that is no table."""
    suffix = PurePosixPath(part.name).suffix.lower()
    if suffix not in (".xlsx", ".ods", ".xlsm", ".xlsb") and is_archive(part):
        raise DataFault("data-archive-nested", inner="zip")


def _by_text(suffix: str, text: str) -> str:
    container = BY_SUFFIX.get(suffix, "")
    found = sniff(text, json_lines=suffix in (".jsonl", ".ndjson"), json_only=suffix in JSON_SUFFIXES)
    if suffix in JSON_SUFFIXES and text.lstrip()[:1] not in ("{", "["):
        return table_by_header(text) or found
    if suffix in BY_SUFFIX and (found == "jsonl" or (found == "json" and _ROWS.match(text))):
        return found
    if not container and suffix not in JSON_SUFFIXES and found == "txt":
        return table_by_header(text) or found
    return container or found


def table_by_header(text: str) -> str:
    """csv or tsv where the first line names a question and an answer, as a table copied out of a spreadsheet does."""
    header = text.lstrip("\ufeff \t\r\n").partition("\n")[0]
    for container, mark in (("tsv", "\t"), ("csv", ","), ("csv", ";")):
        cells = dict.fromkeys((cell.strip(' "\r') for cell in header.split(mark)), 1)
        for known in (PAIR, ALPACA):
            if len(cells) > 1 and all(role in find_columns(cells, known.fields) for role in known.required):
                return container
    return ""


def sniff(head: str, *, json_lines: bool = False, json_only: bool = False) -> str:
    """The container of a text without a telling name."""
    text = head.lstrip("\ufeff \t\r\n")
    first, _, rest = text.partition("\n")
    if text[:1] not in ("{", "[") and not json_only:
        return "txt"
    if rest.strip() and _whole(first):
        return "jsonl"
    spread = first.strip() == "{"  # over several lines, as jq prints
    return "jsonl" if json_lines and text[:1] != "[" and not spread else "json"


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
