"""Run in the trl environment: plain TRL on raw rows with pictures. `python check_vision.py MODEL ROWS KNOBS OUT`.

Prints which tokens look at a picture in Llama 3.2's mask, then the loss of each step.
"""

import base64
import json
import sys
from io import BytesIO
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from PIL import Image
from transformers import AutoModelForImageTextToText
from trl import SFTConfig, SFTTrainer

from wizard.stages.looking import processor_of
from wizard.stages.training.sides import targets
from wizard.stages.training.vision import crossed


def parts(turn: dict) -> dict:
    text = {"type": "text", "text": turn["content"].removeprefix("<image>")}
    seen = [{"type": "image"}] if turn["content"].startswith("<image>") else []
    return {"role": turn["role"], "content": [*seen, text]}


def raw(rows: Path) -> Dataset:
    told = [json.loads(line) for line in rows.read_text().splitlines()]
    turns = [[parts(turn) for turn in row["messages"]] for row in told]
    pictures = [
        [Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))) for url in row.get("images", [])] for row in told
    ]
    return Dataset.from_dict(
        {"prompt": [each[:-1] for each in turns], "completion": [each[-1:] for each in turns], "images": pictures}
    )


def looks() -> list:
    """Which tokens look at a picture, of two rows whose prompts have 5 and 3 tokens, their answers 2 and 1."""
    padded = [[0, 0, 1, 1, 1], [0, 0, 0, 0, 1]]
    labels = torch.tensor([[-100] * 5 + [7, 7], [-100] * 3 + [7] + [-100] * 3])
    attention = torch.tensor([[1] * 7, [1] * 4 + [0] * 3])
    asked = torch.tensor(padded)[:, :, None, None]
    batch = {"cross_attention_mask": asked, "labels": labels, "attention_mask": attention}
    return crossed(batch)[:, :, 0, 0].tolist()


def main(model: str, rows: str, knobs: str, out: str) -> None:
    told = json.loads(knobs)
    network = AutoModelForImageTextToText.from_pretrained(model, dtype=told.pop("dtype"))
    names = targets(network, ["all-linear"], {"language"})
    lora = LoraConfig(r=told.pop("rank"), lora_alpha=told.pop("alpha"), target_modules=names, task_type="CAUSAL_LM")
    args = SFTConfig(
        output_dir=out, logging_steps=1, report_to="none", disable_tqdm=True, use_cpu=True, save_strategy="no", **told
    )
    trainer = SFTTrainer(
        model=network, args=args, train_dataset=raw(Path(rows)), processing_class=processor_of(model), peft_config=lora
    )
    trainer.train()
    print(json.dumps(looks()))
    print(json.dumps([line["loss"] for line in trainer.state.log_history if "loss" in line]))


if __name__ == "__main__":
    main(*sys.argv[1:])
