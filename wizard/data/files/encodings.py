"""Which encoding a file is in: its mark, then where its NULs lie, then by trying UTF-8 and GB18030."""

from __future__ import annotations

import codecs
from difflib import get_close_matches
from io import TextIOWrapper
from typing import BinaryIO, TextIO

from wizard.data.shape.fault import DataFault

READABLE = ".jsonl .json .csv .tsv .xlsx .xls .ods .parquet .arrow .txt .md, .gz .zst .zip"
BLOCK = 4 << 20
WHOLE_BYTES = 64 << 20  # looked at to decide; beyond that only the beginning is
DAMAGE = 0.05  # share of a text's non-ASCII characters that may be broken before another encoding is meant
BADLY = 0.5  # of UTF-8, where no other encoding is meant: few files are so short
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
MAGIC = (
    (b"%PDF-", "PDF"), (b"SQLite format 3", "SQLite"), (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"),
    (b"GGUF", "GGUF"), (b"7z\xbc\xaf", "7z"), (b"BZh", "bzip2"), (b"Rar!", "RAR"), (b"\xfd7zXZ", "xz"),
    (b"FEA1", "Feather 1"), (b"Obj\x01", "Avro"), (b"ORC", "ORC"), (b"\x80\x04\x95", "pickle"),
    (b"\x80\x02}", "pickle"), (b"\x93NUMPY", "NumPy"),
)  # fmt: skip
CONTROL = bytes(code for code in range(32) if code not in b"\t\n\r\f\v\b\x1b") + b"\x7f"
KNOWN = ("utf-8", "utf-8-sig", "gb18030", "gbk", "big5", "utf-16", "utf-16-le", "utf-16-be", "shift_jis", "euc-kr",
         "latin-1", "cp1252")  # fmt: skip


def as_text(stream: BinaryIO, encoding: str) -> TextIO:
    """Broken bytes become lone surrogates, so that the row they are in can be named instead of the file refused."""
    wide = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    # newline="" keeps line ends inside quoted cells and still splits at all of them
    return TextIOWrapper(stream, encoding, errors="replace" if wide else "surrogateescape", newline="")


def check_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
        "".encode(name)
    except (LookupError, ValueError):
        near = next(iter(get_close_matches(name.lower(), KNOWN, 1)), "")
        raise DataFault("data-encoding-name", name=name, nearest=near, known=", ".join(KNOWN)) from None
    return name


def encoding_of_bytes(data: bytes) -> str:
    if not data[:BLOCK].strip() and not data.strip():
        raise DataFault("data-empty")
    if marked := next((name for mark, name in MARKS if data.startswith(mark)), None):
        return marked
    if found := next((name for magic, name in MAGIC if data.startswith(magic)), None):
        raise DataFault("data-format-unsupported", found=found, readable=READABLE)
    if b"\0" in data and not _strewn(data):
        return _wide(data)
    head = data[:BLOCK]
    if len(head) - len(head.translate(None, CONTROL)) > len(head) * 0.02:
        raise DataFault("data-binary")
    return _tried(data)


def _strewn(data: bytes) -> bool:
    """NULs in a text that is otherwise whole, as a crash leaves them: their rows are named, not the file refused."""
    return data.count(0) * 16 < len(data) and _decodes(data, "utf-8")


def _wide(data: bytes) -> str:
    """UTF-16 without a mark: its NULs are all on one side of the pairs, and it decodes."""
    head = data[: (1 << 20) & ~1]
    odd, even = head[1::2].count(0), head[0::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    text = head[: len(head) & ~1].decode(name, "replace")
    odd_ones = sum(text.count(sign) for sign in ("\0", "\ufffd", "\ufffe"))
    controls = len(text) - len(text.translate(dict.fromkeys(CONTROL)))
    if min(odd, even) * 20 > max(odd, even) or (odd_ones + controls) * 50 > len(text):
        raise DataFault("data-binary")
    return name


def _tried(data: bytes) -> str:
    for name in ("utf-8", "gb18030"):
        if _decodes(data, name):
            return name
        if _damage(data[:BLOCK], name) <= DAMAGE:
            return name
    if _damage(data[:BLOCK], "utf-8") <= BADLY:
        return "utf-8"
    raise DataFault("data-encoding-unknown", tried="UTF-8, UTF-16, GB18030")


def _decodes(data: bytes, name: str) -> bool:
    """A character cut off by the end of what was read is no error."""
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for start in range(0, len(data), BLOCK):
            decoder.decode(data[start : start + BLOCK], final=False)
    except UnicodeDecodeError:
        return False
    return True


def _damage(data: bytes, name: str) -> float:
    text = data.decode(name, "surrogateescape")
    broken = len(text) - len(text.encode("utf-8", "ignore").decode("utf-8"))
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return broken / foreign if foreign else 0.0
