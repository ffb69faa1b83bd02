"""A file opened once: what it is, and all its rows (those looked at to decide included)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from wizard.data.files.containers import container_of
from wizard.data.files.encodings import check_encoding, encoding_of
from wizard.data.files.rows import Numbered, rows
from wizard.data.shape.example import Converted
from wizard.data.shape.fault import in_file
from wizard.data.shape.layout import Shape
from wizard.data.shape.recognising import HEAD_ROWS, recognise, to_example


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    shape: Shape
    encoding: str
    container: str
    rows: Numbered

    def examples(self) -> Iterator[tuple[int, Converted]]:
        for line, row in self.rows:
            yield line, to_example(self.shape, row, line)


def open_source(
    path: Path, *, encoding: str = "", format: str = "", mapping: Mapping[str, str] | None = None
) -> Source:
    """What the caller knows already (from a plan, or from a person) is used as it is; the rest is found out."""
    with in_file(path):
        encoding = check_encoding(encoding) if encoding else encoding_of(path)
        container = container_of(path, encoding)
        numbered = rows(path, encoding, container)
        head = list(islice(numbered, HEAD_ROWS))
        shape = recognise((row for _, row in head), format, mapping)
    return Source(shape=shape, encoding=encoding, container=container, rows=chain(head, numbered))
