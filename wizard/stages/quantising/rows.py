"""Rows of the training as token ids: some to choose numbers by, others to measure with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wizard.errors import ExitCode, WizardError
from wizard.stages.prepared import ANSWERS, ASKED, sample
from wizard.stages.preparing.tokens import IGNORED

CHOSEN_BY, CHOSEN_TOKENS = 128, 1024  # rows, and tokens of one: as the libraries' own examples have it
MEASURED = 32


@dataclass(frozen=True)
class Sample:
    """Token ids, and those that count: the answer's, or all where a row has none."""

    ids: Sequence[int]
    labels: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    chosen_by: Sequence[Sequence[int]]
    measured: Sequence[Sample]
    of: Literal["validation", "rows", "general"]  # where the measured ones are from


def drawn(outputs: Mapping[str, str], tokenizer: Any, *, seq_len: int, seed: int) -> Drawn:
    """`outputs`: of the prepare stage. Rows that were kept back are measured on; without any, rows of the training
    that no numbers are chosen by, as far as there are enough. Raises WizardError quantise-without-rows."""
    trained = sample(Path(outputs["rows"]), CHOSEN_BY + MEASURED, seed)
    rows = [told for row in trained if (told := of(row, tokenizer)).ids]
    if not rows:
        raise WizardError("quantise-without-rows", exit_code=ExitCode.FAILED, path=outputs["rows"])
    apart = "validation" in outputs
    held = sample(Path(outputs["validation"]), MEASURED, seed) if apart else ()
    measured = [of(row, tokenizer) for row in held] or rows[:MEASURED]
    rest = rows if apart else rows[MEASURED:] or rows
    return Drawn(
        chosen_by=packed([row.ids for row in rest[:CHOSEN_BY]], min(seq_len, CHOSEN_TOKENS)),
        measured=[Sample(row.ids[:seq_len], row.labels[:seq_len]) for row in measured],
        of="validation" if apart else "rows",
    )


def packed(rows: Iterable[Sequence[int]], length: int) -> list[list[int]]:
    """One behind the other, as far as they fit into `length`: each pass through the model costs time of its own."""
    found: list[list[int]] = []
    for row in rows:
        ids = list(row[:length])
        if found and len(found[-1]) + len(ids) <= length:
            found[-1] += ids
        else:
            found.append(ids)
    return found


def general(tokenizer: Any, seq_len: int) -> Drawn:
    """Where there are no rows: paragraphs about the world, to measure with alone."""
    from wizard.stages.evaluating.neutral import LANGUAGES, paragraphs

    texts = [text for language in LANGUAGES for text in paragraphs(language)]
    ids = [list(tokenizer(text)["input_ids"])[:seq_len] for text in texts]
    return Drawn(chosen_by=[], measured=[Sample(row, row) for row in ids], of="general")


def of(row: Mapping[str, Any], tokenizer: Any) -> Sample:
    """Whatever kind of data it is; of two answers the better one."""
    if "input_ids" in row:
        return Sample(row["input_ids"], row.get("labels") or row["input_ids"])
    if ASKED in row:
        answer = next(row[name] for name in ANSWERS if name in row)
        return Sample([*row[ASKED], *answer], [IGNORED] * len(row[ASKED]) + list(answer))
    ids = tokenizer.apply_chat_template(json.loads(row["prompt"]), add_generation_prompt=True, return_dict=True)
    return Sample(ids["input_ids"], ids["input_ids"])
