"""GRPO as TRL's documentation writes it, without anything of ours: `plain_grpo MODEL rows.jsonl OUT SETTINGS`; the logs
of its steps go to OUT."""

import json
import sys
import time
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

model, rows, out, settings = sys.argv[1:5]
told = json.loads(settings)


def letters(completions, **columns):
    texts = [completion[0]["content"] for completion in completions]
    return [sum(sign.isascii() and sign.isalpha() for sign in text) / max(1, len(text)) for text in texts]


torch.manual_seed(7)
trainer = GRPOTrainer(
    model=AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16 if told["bf16"] else torch.float32),
    reward_funcs=[letters],
    args=GRPOConfig(output_dir=out + ".checkpoints", **told),
    train_dataset=Dataset.from_list([json.loads(line) for line in Path(rows).read_text().splitlines()]),
    processing_class=AutoTokenizer.from_pretrained(model),
    peft_config=LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"),
)
times = []


class Clock(TrainerCallback):
    def on_log(self, args, state, control, logs=None, **_):
        times.append(time.time())


trainer.add_callback(Clock())
trainer.train()
Path(out).write_text(json.dumps([line | {"at": at} for line, at in zip(trainer.state.log_history, times, strict=True)]))
