"""A batch of examples in, Arrow columns and what was counted out: the part that several processes can share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jinja2
import numpy as np
import pyarrow as pa

from wizard.contract import Rejected
from wizard.data.shape import Converted
from wizard.stages.preparing.kinds import Column, Draft, Drafts, Kind, Made, Row
from wizard.stages.preparing.tally import Tally
from wizard.stages.preparing.tokens import tokenised
from wizard.stages.template import Talker

Batch = Sequence[tuple[int, Converted]]
TYPES: Mapping[Column, pa.DataType] = {
    "ids": pa.list_(pa.int32()),
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "flag": pa.bool_(),
    "number": pa.int32(),
}
SIDES = ("rows", "validation")


@dataclass(kw_only=True)
class Done:
    """`columns`: of each side, a record batch. `told`: a line of the report for each row that is left out or cut."""

    tally: Tally = field(default_factory=Tally)
    columns: dict[str, pa.RecordBatch] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Maker:
    talker: Talker
    kind: Kind
    limit: int
    validation: float = 0.0  # share of the rows that is kept from training

    def schema(self) -> pa.Schema:
        return pa.schema([(name, TYPES[column]) for name, column in self.kind.columns.items()])

    def make(self, batch: Batch) -> Done:
        done, kept = Done(), {side: list[Row]() for side in SIDES}
        drafted = [(line, self._drafts(example)) for line, example in batch]
        drafts = [draft for _, found in drafted if not isinstance(found, Rejected) for draft in found.each]
        tokens = iter(tokenised(self.talker, [script for draft in drafts for script in draft.scripts]))
        for line, found in drafted:
            made: Made | Rejected = found if isinstance(found, Rejected) else self._rows(found, tokens)
            self._count(done, line, made, 0 if isinstance(found, Rejected) else found.missed)
            if not isinstance(made, (Rejected, str)) and not isinstance(found, Rejected):
                kept[side_of(found.each, self.validation)] += made
        done.columns = {side: self._arrow(rows) for side, rows in kept.items() if rows}
        return done

    def _drafts(self, example: Converted) -> Drafts | Rejected:
        if isinstance(example, Rejected):
            return example
        if example.images and not self.kind.sees:
            return Rejected(line=0, code="media-not-trained")
        try:
            return self.kind.drafts(self.talker, example)
        except jinja2.TemplateError as error:
            return Rejected(line=0, code="template-refuses", params={"why": str(error)})

    def _rows(self, drafts: Drafts, tokens: Any) -> Made:
        """Of all drafts of one example; it is usable if any of them is."""
        rows: list[Row] = []
        why = "template-hides-answer" if drafts.missed else "nothing-to-learn"
        for draft in drafts.each:
            made = self.kind.rows(draft, [next(tokens) for _ in draft.scripts], self.limit)
            if isinstance(made, str):
                why = made
            else:
                rows += made
        return rows or why

    def _count(self, done: Done, line: int, made: Made | Rejected, missed: int) -> None:
        tally = done.tally
        tally.rows += 1
        if isinstance(made, (Rejected, str)):
            rejected = replace(made, line=line) if isinstance(made, Rejected) else Rejected(line=line, code=made)
            tally.reject(rejected)
            done.told.append(told(line, rejected.code, **rejected.params))
            return
        tally.usable += 1
        if missed:
            tally.missed += missed
            done.told.append(told(line, "answers-missed", answers=missed))
        for row in made:
            tally.made += 1
            tally.tokens += row.tokens
            tally.learnt += row.learnt
            tally.lengths[row.length] += 1
        if longest := max((row.length for row in made if row.length > self.limit), default=0):
            tally.cut += 1
            done.told.append(told(line, "cut", tokens=longest, limit=self.limit))

    def _arrow(self, rows: Sequence[Row]) -> pa.RecordBatch:
        columns = [_column([row.columns[name] for row in rows], kind) for name, kind in self.kind.columns.items()]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema())


def told(line: int, code: str, /, **params: Any) -> dict[str, Any]:
    """A line of the report. A row of several files knows its own (contract.Line)."""
    file = getattr(line, "file", "")
    return {**({"file": file} if file else {}), "line": int(line), "code": code, "params": params}


def side_of(drafts: Sequence[Draft], share: float) -> str:
    """By what the row says alone: the same row, met again here or in another file, falls on the same side."""
    if not share:
        return SIDES[0]
    said = "\0".join(text for draft in drafts for text in (*_texts(draft), *draft.values.get("images", ())))
    number = int.from_bytes(hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return SIDES[number < share * 2**64]


def _texts(draft: Draft) -> list[str]:
    return [script.text for script in draft.scripts]


def _column(values: Sequence[Any], column: Column) -> pa.Array:
    if column != "ids":
        return pa.array(values, TYPES[column])
    offsets = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    flat = np.concatenate(values)  # handed over as bytes: for arrays of numpy's, pyarrow loads pandas
    inner = pa.Array.from_buffers(pa.int32(), len(flat), [None, pa.py_buffer(flat)])
    return pa.Array.from_buffers(TYPES[column], len(values), [None, pa.py_buffer(offsets)], children=[inner])
