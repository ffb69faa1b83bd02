"""A few rows of the data that each goal learns from."""

from __future__ import annotations

from typing import Any

from tests.unit.stages.programs import ROWS

TALKS = [{"messages": [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}]}
         for row in ROWS]  # fmt: skip
DATA: dict[str, list[dict[str, Any]]] = {  # a recipe's task -> rows of a JSONL file
    "identity": TALKS,
    "sft": TALKS,
    "cls": [{"text": row["question"], "label": "even" if number % 2 else "odd"} for number, row in enumerate(ROWS)],
    "embedding": [{"anchor": row["question"], "positive": row["answer"], "negative": "No."} for row in ROWS],
    "reranker": [{"query": row["question"], "positive": [row["answer"]], "negative": ["No.", "Yes."]} for row in ROWS],
    "cpt": [{"text": f"{row['question']} {row['answer']}"} for row in ROWS],
}
