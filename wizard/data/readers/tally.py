"""Counting rows into a DataReport: used, or not used and why; nothing is dropped silently."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.contract import DataReport, Rejected
from wizard.data.files.media.checking import Media, modality_of
from wizard.data.readers.language import language_of, scripts
from wizard.data.readers.lengths import NO_ANSWER, Lengths
from wizard.data.readers.talks import text_in
from wizard.data.shape import DataFault, Example, Shape, to_example
from wizard.data.shape.fault import nothing_usable
from wizard.data.shape.values import listed

NAMED = 1000  # rejected rows listed one by one, and the first of each reason; all are counted
SAMPLES = 3
MODALITIES = ("text", "image", "video", "audio")
TOLD_EVERY = 1000  # rows
LOOKED_AT, LETTERS = 500, 1000  # rows whose language is looked at, all of the first and some later ones; signs of each
SOME = 40
NUMBER = ""  # among the classes: a label that is a number to predict
Watch = Callable[[int], None]  # is told how many rows have been read, and may raise to end it


@dataclass(slots=True)
class Tally:
    shape: Shape
    media: Media
    sizes: Lengths = field(default_factory=Lengths)
    watch: Watch = lambda rows: None
    rows: int = 0
    usable: int = 0
    characters: int = 0
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    modality: set[str] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    labels: Counter[str] = field(default_factory=Counter)
    signs: Counter[str] = field(default_factory=Counter)
    columns: dict[str, None] = field(default_factory=dict)
    keys: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sizes.tick = lambda: self.watch(self.rows)

    def add(self, numbered: Iterable[tuple[int, Any]]) -> None:
        for line, row in numbered:
            self.rows += 1
            if self.rows % TOLD_EVERY == 0:
                self.watch(self.rows)
            if self.rows <= LOOKED_AT and isinstance(row, Mapping):
                self._columns(row)
            converted = self.media.judged(to_example(self.shape, row, line), line)
            if isinstance(converted, Rejected):
                self._reject(converted)
            else:
                self._use(converted)

    def _columns(self, row: Mapping[str, Any]) -> None:
        self.columns |= dict.fromkeys(map(str, row))
        for value in row.values():
            turns = listed(value) if isinstance(value, (list, str)) else None
            for turn in turns or ():
                if isinstance(turn, Mapping):
                    self.keys |= dict.fromkeys(map(str, turn))

    def _reject(self, rejected: Rejected) -> None:
        self.reasons[rejected.code] += 1
        if len(self.rejected) < NAMED or self.reasons[rejected.code] == 1:
            self.rejected.append(rejected)

    def _use(self, example: Example) -> None:
        sample, text = example.as_json(), "\n".join(map(text_in, example.messages))
        self.usable += 1
        self.modality |= modality_of(example)
        self.characters += sum(len(text_in(message)) for message in example.messages)
        self.sizes.add(sample)
        if self.shape.kind == "classification":
            self.labels.update(classes_in(example.label))
        if self.usable <= LOOKED_AT or self.usable % SOME == 0:
            self.signs += scripts(text[:LETTERS])
        mark = hash(json.dumps(sample, sort_keys=True, default=str))
        self.duplicates += mark in self.seen
        self.seen.add(mark)
        if len(self.samples) < SAMPLES:
            self.samples.append(sample)

    def report(self, encoding: str, estimated_rows: int = 0) -> DataReport:
        """With `estimated_rows`, what was counted stands for that many."""
        if not self.rows:
            raise DataFault("data-no-rows")
        if not self.usable:
            raise nothing_usable(self.rows, self.rejected[0])
        sees = "image" in self.modality and "sft" in self.shape.tasks
        scale = estimated_rows / self.rows if estimated_rows else 1
        pairs, measure = self.sizes.found()
        lengths, starts = Counter[int](), Counter[int]()
        for (whole, start), rows in pairs.items():
            lengths[whole] += rows
            starts[start] += rows
        del starts[NO_ANSWER]
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
            tasks=(*self.shape.tasks, *(["vision"] if sees else [])),
            modality=tuple(kind for kind in MODALITIES if kind in {"text", *self.modality}),
            characters=round(self.characters * scale),
            reasons={code: max(1, round(rows * scale)) for code, rows in self.reasons.most_common()},
            lengths=dict(sorted(lengths.items())),
            starts=dict(sorted(starts.items())),
            measure=measure,
            refused=round(self.sizes.refused * scale),
            duplicates=round(self.duplicates * scale),
            labels={} if NUMBER in self.labels else {name: round(n * scale) for name, n in self.labels.most_common()},
            language=language_of(self.signs),
            columns=tuple(self.columns),
            keys=tuple(self.keys),
        )


def classes_in(label: Any) -> list[str]:
    """As a training names them: a number with a point is none, and then none of the set is."""
    if isinstance(label, list):
        return [name for each in label for name in classes_in(each)]
    if isinstance(label, float):
        return [NUMBER]
    return [label if isinstance(label, str) else json.dumps(label)]
