"""Run in the forge: `check_score MODEL QUESTION ...` writes scores.json as any program would ask for them."""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def main(folder: Path, *questions: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).float().eval()
    talks = [[{"role": "user", "content": question}] for question in questions]
    with torch.inference_mode():
        told = [model(**tokenizer.apply_chat_template(talk, return_tensors="pt", return_dict=True)) for talk in talks]
    Path("scores.json").write_text(json.dumps([each.logits[0].tolist() for each in told]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
