"""A few rows of the data that each goal learns from."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

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


def drawn(colour: str, width: int = 84, height: int = 56) -> str:
    """A picture as a data: URL."""
    file = BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def seen(colour: str, asked: str, answer: str, **more: Any) -> dict[str, Any]:
    talk = [{"role": "user", "content": f"<image>{asked}"}, {"role": "assistant", "content": answer}]
    return {"messages": talk, "images": [drawn(colour)], **more}


PLACES = {"ref": ["the edge"], "bbox": [[10, 10, 40, 30]]}
SEEN = [
    *(seen(colour, "Which colour?", f"It is {colour}.") for colour in ("red", "green", "blue", "white", "black")),
    *(seen(colour, "Describe it.", f"A plain {colour} wall.") for colour in ("red", "green")),
    seen("grey", "Find <ref-object>.", "<ref-object><bbox>", objects=PLACES),
    seen("navy", "Read it.", "There is no text."),
    TALKS[0],
]
PROMPTS = [{"prompt": row["question"], "solution": row["answer"]} for row in ROWS]
DATA: dict[str, list[dict[str, Any]]] = {  # a recipe's task -> rows of a JSONL file
    "identity": TALKS,
    "sft": TALKS,
    "cls": [{"text": row["question"], "label": "even" if number % 2 else "odd"} for number, row in enumerate(ROWS)],
    "embedding": [{"anchor": row["question"], "positive": row["answer"], "negative": "No."} for row in ROWS],
    "reranker": [{"query": row["question"], "positive": [row["answer"]], "negative": ["No.", "Yes."]} for row in ROWS],
    "vision": SEEN,
    "grpo": PROMPTS,
    "distil": PROMPTS,
    "cpt": [{"text": f"{row['question']} {row['answer']}"} for row in ROWS],
    "dpo": PAIRS,
    "kto": MARKED,
    "reward": PAIRS,
}

TEACHER = "another model"
OWN = str(Path(__file__).with_name("reward_of_letters.py"))
SHORT = {"num_generations": 2, "max_completion_length": 8, "rewards": [], "reward_file": OWN}
SETTINGS: dict[str, dict[str, Any]] = {  # a recipe's task, or a recipe -> what a short run of it is told besides
    "grpo": SHORT,
    "sft-full-fp8": {"torch_compile_backend": "aot_eager"},  # all of torch.compile but the minute of writing C++
    "sft-long": {"pad_to_multiple_of": 128},  # gloo gathers sequences of one length alone; NCCL is not so strict
    "gspo-lora": {"generation_batch_size": 4},
    "grpo-lora-vllm-server": {"use_vllm": False},
    "grpo-lora-vllm": {"use_vllm": False},  # its twin on a CPU: the same training, whose answers transformers makes
    "distil": {"max_completion_length": 8, "teacher": TEACHER},
}
