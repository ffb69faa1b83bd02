"""The examples that an order names, with where each stands, and what identifies their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from wizard.data.files import open_sources
from wizard.data.files.mixing import unchanged
from wizard.data.files.parts import reading
from wizard.data.shape import Converted, DataFault, Example
from wizard.errors import ExitCode, WizardError
from wizard.journal import StageFolder, write_json
from wizard.stages.preparing.seeing import Pictures, seen

Numbered = Iterator[tuple[int, Converted]]
ROWS, CHARACTERS = 1000, 4_000_000  # of one batch at most: the wider ones hold fewer rows


def checked(spec: Mapping[str, Any]) -> list[str]:
    """The digest of each source's bytes, now read whole; raises data-changed, data-gone."""
    if "rows" in spec:
        return [hashlib.sha256(json.dumps(spec["rows"], sort_keys=True).encode()).hexdigest()]
    try:
        return [unchanged(source) for source in spec["data"]["sources"]]
    except DataFault as fault:
        raise WizardError.of(fault.problem, ExitCode.FAILED) from fault


def examples_of(spec: Mapping[str, Any], place: Pictures) -> Numbered:
    """With pictures checked, fetched and made ready for the model; what it cannot read is Rejected by name."""
    if "rows" in spec:
        return _bundled(spec["rows"])
    known = [{**source, "sha256": ""} for source in spec["data"]["sources"]]  # looked at by `checked`
    return seen(_told(known, int(spec["knobs"]["seed"])), known, place)


def batches(examples: Numbered) -> Iterator[list[tuple[int, Converted]]]:
    while batch := list(_bounded(islice(examples, ROWS))):
        yield batch


def _bounded(some: Numbered) -> Numbered:
    characters = 0
    for line, example in some:
        yield line, example
        if isinstance(example, Example):
            characters += sum(len(str(turn.get("content") or "")) for turn in example.messages)
        if characters > CHARACTERS:
            return


@contextmanager
def noted(folder: Path) -> Iterator[None]:
    """Meanwhile a note in the stage's folder names the binary file that is being read: a damaged one may make its
    reader end the process, and then the note alone can tell of it."""
    note = StageFolder(folder).reading
    before = reading.set(lambda part: write_json(note, {"path": str(part.place)}))
    try:
        yield
    finally:
        reading.reset(before)
        note.unlink(missing_ok=True)


def _told(sources: Sequence[Mapping[str, Any]], seed: int) -> Numbered:
    """A file may turn out to be broken only in its middle."""
    try:
        yield from open_sources(sources, seed)
    except DataFault as fault:
        raise WizardError.of(fault.problem, ExitCode.FAILED) from fault


def _bundled(rows: Sequence[Mapping[str, str]]) -> Numbered:
    for line, row in enumerate(rows, 1):
        asked, answered = row["question"], row["answer"]
        yield (
            line,
            Example(messages=[{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]),
        )
