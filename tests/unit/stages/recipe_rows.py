"""A few rows of the data that each goal learns from."""

from __future__ import annotations

from typing import Any

from tests.unit.stages.programs import ROWS

TALKS = [{"messages": [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}]}
         for row in ROWS]  # fmt: skip
PROMPTS = [{"prompt": row["question"], "solution": row["answer"]} for row in ROWS]
DATA: dict[str, list[dict[str, Any]]] = {  # a recipe's task -> rows of a JSONL file
    "identity": TALKS,
    "sft": TALKS,
    "grpo": PROMPTS,
    "distil": PROMPTS,
    "cpt": [{"text": f"{row['question']} {row['answer']}"} for row in ROWS],
}

MODEL = "the model itself"
SHORT = {"num_generations": 2, "max_completion_length": 8}
SETTINGS: dict[str, dict[str, Any]] = {  # a recipe's task, or a recipe -> what a short run of it is told besides
    "grpo": SHORT,
    "gspo-lora": {"generation_batch_size": 4},
    "grpo-lora-vllm": {"use_vllm": False},  # its twin on a CPU: the same training, whose answers transformers makes
    "distil": {"max_completion_length": 8, "teacher": MODEL},
}
