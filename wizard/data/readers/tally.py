"""Counting rows into a DataReport: used, or not used and why; nothing is dropped silently."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from wizard.contract import DataReport, Rejected
from wizard.data.files.media.checking import Media, modality_of
from wizard.data.readers.lengths import estimated
from wizard.data.shape import DataFault, Example, Shape, to_example

NAMED = 1000  # rejected rows listed one by one; all are counted
SAMPLES = 3
MODALITIES = ("text", "image", "video", "audio")


@dataclass(slots=True)
class Tally:
    shape: Shape
    media: Media
    usable: int = 0
    characters: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    modality: set[str] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)

    @property
    def rows(self) -> int:
        return self.usable + self.reasons.total()

    def add(self, numbered: Iterable[tuple[int, Any]]) -> None:
        for line, row in numbered:
            converted = self.media.judged(to_example(self.shape, row, line), line)
            if isinstance(converted, Rejected):
                self._reject(converted)
            else:
                self._use(converted)

    def _reject(self, rejected: Rejected) -> None:
        self.reasons[rejected.code] += 1
        if len(self.rejected) < NAMED:
            self.rejected.append(rejected)

    def _use(self, example: Example) -> None:
        messages = example.messages
        self.usable += 1
        self.modality |= modality_of(example)
        self.characters += sum(len(message["content"]) for message in messages)
        self.lengths[estimated(messages)] += 1
        mark = hash(json.dumps(example.as_json(), sort_keys=True, default=str))
        self.duplicates += mark in self.seen
        self.seen.add(mark)
        if len(self.samples) < SAMPLES:
            self.samples.append(example.as_json())

    def report(self, encoding: str, estimated_rows: int = 0) -> DataReport:
        """With `estimated_rows`, what was counted stands for that many."""
        if not self.rows:
            raise DataFault("data-no-rows")
        if not self.usable:
            first = self.rejected[0]
            raise DataFault("data-nothing-usable", rows=self.rows, line=first.line, reason=first.code)
        scale = estimated_rows / self.rows if estimated_rows else 1
        return DataReport(
            kind=self.shape.kind,
            format=self.shape.format,
            encoding=encoding,
            mapping=self.shape.mapping,
            exact=not estimated_rows,
            rows=estimated_rows or self.rows,
            usable=round(self.usable * scale),
            rejected=tuple(self.rejected),
            samples=tuple(self.samples),
            tasks=(*self.shape.tasks, *(["vision"] if "image" in self.modality else [])),
            modality=tuple(kind for kind in MODALITIES if kind in {"text", *self.modality}),
            characters=round(self.characters * scale),
            reasons=dict(self.reasons),
            lengths=dict(sorted(self.lengths.items())),
            duplicates=round(self.duplicates * scale),
        )
