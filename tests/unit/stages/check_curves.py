"""Run in the forge: what a person would write with TRL alone, given rows of text; the loss of each step as curve.json.

check_curves KIND MODEL ROWS.jsonl METHOD DTYPE SETTINGS
"""

import json
import os
import sys
from pathlib import Path

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from trl import (
    DPOConfig,
    DPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    SFTConfig,
    SFTTrainer,
)
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

KINDS = {
    "sft": (SFTTrainer, SFTConfig),
    "dpo": (DPOTrainer, DPOConfig),
    "kto": (KTOTrainer, KTOConfig),
    "orpo": (ORPOTrainer, ORPOConfig),
    "cpo": (CPOTrainer, CPOConfig),
    "reward": (RewardTrainer, RewardConfig),
}


def said(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def talk(row: dict) -> dict:
    """TRL's columns: each text as a conversation of one turn."""
    if "messages" in row:
        return {"prompt": row["messages"][:1], "completion": row["messages"][1:]}
    told = {name: said("assistant", row[name]) for name in ("chosen", "rejected", "completion") if name in row}
    return {**row, "prompt": said("user", row["prompt"]), **told}


def main(kind: str, folder: str, rows: str, method: str, dtype: str, settings: str) -> None:
    trainer_kind, config = KINDS[kind]
    given = Dataset.from_list([talk(json.loads(line)) for line in Path(rows).read_text().splitlines()])
    if kind == "kto":
        given = given.shuffle(seed=7)
    args = config(
        output_dir="plain",
        per_device_train_batch_size=2,
        max_length=128,
        learning_rate=1e-2,
        max_steps=6,
        optim="adamw_torch",
        gradient_checkpointing=False,
        seed=7,
        data_seed=7,
        use_cpu=True,
        bf16=dtype == "bfloat16",
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
        report_to="none",
        **json.loads(settings),
    )
    number = getattr(torch, dtype if method == "lora" else "float32")
    torch.manual_seed(7)
    if kind == "reward":
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1, dtype=number)
        model.score.float()
    else:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype if method == "lora" else "float32")
        )
    task = "SEQ_CLS" if kind == "reward" else "CAUSAL_LM"
    lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type=task)
    trainer = trainer_kind(
        model=model,
        args=args,
        train_dataset=given,
        processing_class=AutoTokenizer.from_pretrained(folder),
        peft_config=lora if method == "lora" else None,
    )
    trainer.train()
    Path("curve.json").write_text(json.dumps([line["loss"] for line in trainer.state.log_history if "loss" in line]))


if __name__ == "__main__":
    main(*sys.argv[1:])
