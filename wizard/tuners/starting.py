"""LoRA that begins with something taken out of the base: PiSSA, OLoRA, LoftQ; or from what the data say: EVA.

What is taken out of the base would be missing there when the adapter is laid on again. So the start is kept, and at the
end the adapter is saved as the difference from it: plain LoRA of twice the rank on the untouched base.
https://huggingface.co/docs/peft/main/en/developer_guides/lora (Converting PiSSA to LoRA)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TAKEN = ("pissa", "olora")  # how PEFT calls those starts
FOLDER = "start"
CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PATTERNS = ("rank_pattern", "alpha_pattern")  # of single layers


def keep(trainer: Any) -> None:
    """Anew in every process: each takes its own start off again, whatever a decomposition on its card came to."""
    if not trainer.args.should_save:
        return
    config = trainer.model.peft_config["default"]
    kept, config.init_lora_weights = config.init_lora_weights, True
    try:
        trainer.model.save_pretrained(str(place(trainer)))
    finally:
        config.init_lora_weights = kept


def resave(trainer: Any, folder: Path) -> None:
    """Nothing where no start was kept."""
    start = place(trainer)
    if trainer.args.should_save and start.is_dir():
        trainer.model.save_pretrained(str(folder), path_initial_model_for_weight_conversion=str(start))


def taken_off(adapter: Path, start: Path, folder: Path) -> None:
    """`adapter`, as a checkpoint has it, less its start: what `resave` writes, without a model (PEFT's
    `LoraModel.subtract_mutated_init`). B A - B0 A0 is [B | -B0] times A above A0, of twice the rank."""
    import torch
    from safetensors.torch import load_file, save_file

    now, then = (load_file(place / WEIGHTS) for place in (adapter, start))
    for name in now:
        if ".lora_A." in name:
            now[name] = torch.cat([now[name], then[name]], dim=0)
        elif ".lora_B." in name:
            now[name] = torch.cat([now[name], -then[name]], dim=1)
    folder.mkdir(parents=True)
    save_file(now, folder / WEIGHTS, {"format": "pt"})
    told = json.loads((adapter / CONFIG).read_text(encoding="utf-8"))
    told |= {"init_lora_weights": True, "r": 2 * told["r"]}
    told["lora_alpha"] *= 2**0.5 if told.get("use_rslora") else 2
    told |= {name: {key: 2 * value for key, value in told[name].items()} for name in PATTERNS if told.get(name)}
    (folder / CONFIG).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def place(trainer: Any) -> Path:
    return Path(str(trainer.args.output_dir)) / FOLDER


def from_data(trainer: Any) -> None:
    """EVA: the first matrix begins with the main directions of what each layer reads (arXiv:2410.07170). PEFT leaves it
    random unless it is asked."""
    from peft import initialize_lora_eva_weights

    initialize_lora_eva_weights(trainer.model, trainer.get_train_dataloader(), show_progress_bar=False)
