"""The examples that an order names, with where each stands, and what identifies their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from wizard.data.files import open_source, sha256_of
from wizard.data.shape import Converted, DataFault, Example
from wizard.errors import ExitCode, WizardError

Numbered = Iterator[tuple[int, Converted]]
ROWS, CHARACTERS = 1000, 4_000_000  # of one batch at most: the wider ones hold fewer rows


def checked(spec: Mapping[str, Any]) -> str:
    """The digest of the source's bytes, once more read whole; raises data-changed, data-gone."""
    if "rows" in spec:
        return hashlib.sha256(json.dumps(spec["rows"], sort_keys=True).encode()).hexdigest()
    path = Path(spec["data"]["path"])
    try:
        found = sha256_of(path)
    except FileNotFoundError as error:
        raise WizardError("data-gone", exit_code=ExitCode.FAILED, path=str(path)) from error
    if spec["data"].get("sha256") not in ("", None, found):
        raise WizardError("data-changed", exit_code=ExitCode.FAILED, path=str(path))
    return found


def source_bytes(spec: Mapping[str, Any]) -> int:
    return 0 if "rows" in spec else Path(spec["data"]["path"]).stat().st_size


def examples_of(spec: Mapping[str, Any]) -> Numbered:
    if "rows" in spec:
        return _bundled(spec["rows"])
    data = spec["data"]
    try:
        source = open_source(
            Path(data["path"]), encoding=data["encoding"], format=data["format"], mapping=data["mapping"]
        )
        return _told(source.examples())
    except DataFault as fault:
        raise WizardError.of(fault.problem, ExitCode.FAILED) from fault


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


def _told(examples: Numbered) -> Numbered:
    """A file may turn out to be broken only in its middle."""
    try:
        yield from examples
    except DataFault as fault:
        raise WizardError.of(fault.problem, ExitCode.FAILED) from fault


def _bundled(rows: Sequence[Mapping[str, str]]) -> Numbered:
    for line, row in enumerate(rows, 1):
        asked, answered = row["question"], row["answer"]
        yield (
            line,
            Example(messages=[{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]),
        )
