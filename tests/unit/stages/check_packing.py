"""Run in the trl environment: packed rows as the train stage trains on them, against the same rows each for itself."""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from wizard.stages.prepared import rows_of
from wizard.stages.settings import arguments

KNOBS = {
    "seq_len": 128, "micro_batch": 2, "accumulate": 1, "learning_rate": 1e-3, "epochs": 1.0, "max_steps": 1, "seed": 7,
    "optimizer": "adamw_torch", "packing": True, "grad_ckpt": False, "save_steps": 100,
}  # fmt: skip


def main(model_folder: str, rows: str, out: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32).eval()
    trainer = SFTTrainer(
        model=model,
        args=arguments(SFTConfig, KNOBS, {"device": "cpu"}, Path(out), bf16=False, max_length=128, packing=True),
        train_dataset=rows_of(Path(rows), KNOBS),
        processing_class=AutoTokenizer.from_pretrained(model_folder),
    )
    apart = {tuple(row["input_ids"]): row["labels"] for row in rows_of(Path(rows), KNOBS)}
    batch = next(iter(trainer.get_train_dataloader()))
    starts = (batch["position_ids"][0] == 0).nonzero().flatten().tolist()
    ends = [*starts[1:], batch["input_ids"].shape[1]]
    with torch.no_grad():
        together = model(**{key: value for key, value in batch.items() if key != "labels"}, use_cache=False).logits[0]
        differences, same = [], True
        for start, end in zip(starts, ends, strict=True):
            ids = batch["input_ids"][:, start:end]
            alone = model(input_ids=ids, use_cache=False).logits[0]
            differences.append(float((alone - together[start:end]).abs().max()))
            labels = [-100, *apart[tuple(ids[0].tolist())][1:]]
            same &= labels == batch["labels"][0, start:end].tolist()
    told = {"rows": len(starts), "batches": len(trainer.train_dataset), "widest": max(differences), "labels": same}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
