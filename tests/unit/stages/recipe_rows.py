"""A few rows of the data that each goal learns from."""

from __future__ import annotations

from typing import Any

from tests.unit.stages.programs import ROWS

TALKS = [{"messages": [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}]}
         for row in ROWS]  # fmt: skip
PAIRS = [
    {"prompt": row["question"], "chosen": row["answer"], "rejected": f"I will not say {row['answer']}"[:23]}
    for row in ROWS
]
MARKED = [
    {"prompt": pair["prompt"], "completion": pair["rejected" if bad else "chosen"], "label": not bad}
    for bad in (False, True)
    for pair in PAIRS
]
DATA: dict[str, list[dict[str, Any]]] = {  # a recipe's task -> rows of a JSONL file
    "identity": TALKS,
    "sft": TALKS,
    "cls": [{"text": row["question"], "label": "even" if number % 2 else "odd"} for number, row in enumerate(ROWS)],
    "embedding": [{"anchor": row["question"], "positive": row["answer"], "negative": "No."} for row in ROWS],
    "reranker": [{"query": row["question"], "positive": [row["answer"]], "negative": ["No.", "Yes."]} for row in ROWS],
    "cpt": [{"text": f"{row['question']} {row['answer']}"} for row in ROWS],
    "dpo": PAIRS,
    "kto": MARKED,
    "reward": PAIRS,
}
