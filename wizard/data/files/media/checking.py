"""Whether what a row refers to is there, is what it should be, and is whole. Nothing is fetched, nothing decoded."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from wizard.contract import Rejected
from wizard.data.files.media.facts import READABLE, facts_of
from wizard.data.files.media.headers import Cut, Facts, Kind
from wizard.data.files.media.references import Address, Found, Roots, find, shown
from wizard.data.shape.example import Converted, Example
from wizard.data.shape.fault import reject
from wizard.data.shape.seeing import THINNEST

MOST_BYTES = {"image": 64 << 20, "video": 4 << 30, "audio": 1 << 30}
MOST_PIXELS = 128_000_000  # a camera's largest; a small file that claims more would fill the memory
LOOKED_AT = 20_000  # files, while somebody waits


@dataclass(slots=True)
class Media:
    """Looks at what examples refer to, each file once; beyond LOOKED_AT files only whether they are there."""

    roots: Roots
    most: int = LOOKED_AT
    known: dict[tuple[Kind, Path], Facts | Rejected] = field(default_factory=dict)

    @classmethod
    def beside(cls, source: Path) -> Media:
        """Of a data file, or of a folder of them: references start where it lies, or in it."""
        return cls(Roots(folder=source.parent, more=(source,)))

    def judged(self, example: Converted, line: int) -> Converted:
        """The example as it is, or what is wrong with its media."""
        fault = None if isinstance(example, Rejected) else self.fault(example)
        return replace(fault, line=line) if fault else example

    def fault(self, example: Example) -> Rejected | None:
        """The first thing wrong with an example's pictures, videos and sounds."""
        for number, (kind, reference) in enumerate(references(example), 1):
            found = find(reference, self.roots)
            if isinstance(found, Rejected):
                return named(found, kind, number)
            facts = self._facts(found, kind, shown(reference))
            if isinstance(facts, Rejected):
                return facts
        return None

    def _facts(self, found: Found, kind: Kind, ref: str) -> Facts | Rejected | None:
        if isinstance(found, Address):
            return None
        if isinstance(found, bytes):
            return checked(found, kind, ref)
        key = (kind, found)
        if key not in self.known and len(self.known) < self.most:
            self.known[key] = checked(found, kind, ref)
        return self.known.get(key)


def modality_of(example: Example) -> set[str]:
    """What it holds beside text."""
    return {kind for kind, _ in references(example)} | ({"video"} if example.videos else set())


def references(example: Example) -> Iterator[tuple[Kind, Any]]:
    """A video that is a list is one of pictures."""
    for reference in example.images:
        yield "image", reference
    for reference in example.videos:
        if isinstance(reference, (list, tuple)):
            yield from (("image", frame) for frame in reference)
        else:
            yield "video", reference
    for reference in example.audios:
        yield "audio", reference


def named(rejected: Rejected, kind: Kind, number: int) -> Rejected:
    """A reference that says nothing is told by its place."""
    return reject(rejected.code, **{"kind": kind, "number": number, **rejected.params})


def checked(found: Path | bytes, kind: Kind, ref: str) -> Facts | Rejected:
    """What is there, if it is `kind`, whole and of a size that can be read."""
    if isinstance(found, bytes):
        return _judged(BytesIO(found), len(found), kind, ref)
    try:
        facts = found.stat()
        if not stat.S_ISREG(facts.st_mode):
            return reject("media-not-a-file", ref=ref)
        with found.open("rb") as file:
            return _judged(file, facts.st_size, kind, ref)
    except FileNotFoundError:
        return reject("missing-media", ref=ref)
    except OSError as error:
        return reject("media-unreadable", ref=ref, why=os.strerror(error.errno) if error.errno else str(error))


def _judged(file: BinaryIO, size: int, kind: Kind, ref: str) -> Facts | Rejected:
    if not size:
        return reject("media-empty", ref=ref)
    if size > MOST_BYTES[kind]:
        return reject("media-large", ref=ref, megabytes=size >> 20, most=MOST_BYTES[kind] >> 20)
    try:
        facts = facts_of(file, size)
    except Cut:
        return reject("broken-media", ref=ref)
    if facts is None:
        return reject("media-unknown", ref=ref, readable=READABLE)
    if facts.kind != kind:
        return reject("media-kind", ref=ref, wanted=kind, found=facts.kind)
    return _sized(facts, ref) if kind == "image" else facts


def _sized(facts: Facts, ref: str) -> Facts | Rejected:
    size = {"ref": ref, "width": facts.width, "height": facts.height}
    if facts.width * facts.height > MOST_PIXELS:
        return reject("media-pixels", **size, most=MOST_PIXELS // 1_000_000)
    if max(facts.width, facts.height) > THINNEST * min(facts.width, facts.height):
        return reject("media-thin", **size, times=THINNEST)
    return facts
