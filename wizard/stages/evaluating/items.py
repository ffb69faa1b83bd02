"""Rows of models that write, whatever the training made them for: what is asked, what is wanted, what is weighed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.stages.prepared import ASKED
from wizard.stages.preparing.spellings import spoken
from wizard.stages.preparing.tokens import IGNORED
from wizard.stages.prompts import templated


@dataclass(frozen=True, kw_only=True)
class Item:
    """`ids` and `labels`: nothing where no answer is given to weigh. `asked`: the prompt, nothing of a text to read on.
    `refused`: a worse answer to the same prompt. `solution`: what is right, of rows that are rewarded."""

    ids: Sequence[int] = ()
    labels: Sequence[int] = ()
    asked: Sequence[int] = ()
    reference: str = ""
    refused: Sequence[int] = ()
    solution: Any = None


def item_of(row: Mapping[str, Any], tokenizer: Any) -> Item | None:
    """None for an answer that is marked as bad."""
    if "prompt" in row:
        extra = json.loads(row["extra"])
        ids = templated(tokenizer, json.loads(row["prompt"]), json.loads(row["tools"]) or None)
        wanted = extra.get("solution")
        return Item(asked=ids, reference=wanted if isinstance(wanted, str) else "", solution=wanted)
    if ASKED in row:
        if row.get("label") is False:
            return None
        return answered(row[ASKED], row.get("chosen_ids") or row["completion_ids"], row.get("rejected_ids"), tokenizer)
    start = last_answer(row["labels"])
    reference = written(tokenizer, row["input_ids"][start:]) if start else ""
    asked = row["input_ids"][:start]
    return Item(ids=row["input_ids"], labels=row["labels"], asked=asked, reference=reference)


def answered(asked: Sequence[int], answer: Sequence[int], refused: Sequence[int] | None, tokenizer: Any) -> Item:
    return Item(
        ids=[*asked, *answer],
        labels=[*[IGNORED] * len(asked), *answer],
        asked=asked,
        reference=written(tokenizer, answer),
        refused=refused or (),
    )


def written(tokenizer: Any, ids: Sequence[int]) -> str:
    """The words of an answer, without the thoughts before them."""
    return spoken(str(tokenizer.decode(ids, skip_special_tokens=True)))


def last_answer(labels: Sequence[int]) -> int:
    """Where the last run of learnt tokens begins."""
    end = len(labels)
    while end and labels[end - 1] == IGNORED:
        end -= 1
    while end and labels[end - 1] != IGNORED:
        end -= 1
    return end


def weighed(item: Item) -> tuple[list[int], list[int]]:
    """The worse answer as ids and labels."""
    return [*item.asked, *item.refused], [*[IGNORED] * len(item.asked), *item.refused]
