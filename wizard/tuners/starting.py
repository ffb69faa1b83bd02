"""LoRA that begins with something taken out of the base: PiSSA, OLoRA, LoftQ; or from what the data say: EVA.

What is taken out of the base would be missing there when the adapter is laid on again. So the start is kept, and at the
end the adapter is saved as the difference from it: plain LoRA of twice the rank on the untouched base.
https://huggingface.co/docs/peft/main/en/developer_guides/lora (Converting PiSSA to LoRA)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

TAKEN = ("pissa", "olora")  # how PEFT calls those starts
FOLDER = "start"


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


def place(trainer: Any) -> Path:
    return Path(str(trainer.args.output_dir)) / FOLDER


def from_data(trainer: Any) -> None:
    """EVA: the first matrix begins with the main directions of what each layer reads (arXiv:2410.07170). PEFT leaves it
    random unless it is asked."""
    from peft import initialize_lora_eva_weights

    initialize_lora_eva_weights(trainer.model, trainer.get_train_dataloader(), show_progress_bar=False)
