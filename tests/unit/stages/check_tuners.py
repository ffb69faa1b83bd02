"""Run by the forge: trains as a stage does, saves, and tells what came of it: `check_tuners.py STAGE_FOLDER`."""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from wizard.stages import settings
from wizard.stages.desk import Bench
from wizard.stages.reporter import Reporter
from wizard.stages.train import make, save

ROWS = torch.arange(24).view(1, 24) * 7 % 250


def logits(model):
    model.eval()
    with torch.inference_mode():
        return model(ROWS).logits.float()


def far(one, other):
    return float((one - other).abs().max())


def whole(bench):
    return AutoModelForCausalLM.from_pretrained(bench.order.input("fetch", "model"), dtype=torch.float32)


def rates(trainer):
    groups = trainer.optimizer.param_groups if trainer.optimizer else []
    return sorted({group["lr"] for group in groups if group["params"]})


def turned(model):
    """How far the rows of the first matrices are from being orthonormal."""
    found = [weight for name, weight in model.named_parameters() if "lora_A" in name]
    return max(far(weight @ weight.T, torch.eye(len(weight))) for weight in found)


def ranks(adapter):
    """Rows of each first matrix, as saved."""
    with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
        return [file.get_slice(name).get_shape()[0] for name in file.keys() if "lora_A" in name]  # noqa: SIM118


def main(folder):
    bench = Bench(folder)
    settings.cpu_has_bf16 = lambda: False  # what is compared here is not rounding
    reporter = Reporter(bench)
    trainer = make(bench, folder / "checkpoints", reporter)
    base = whole(bench)
    told = {
        "trained": trainer.model.get_nb_trainable_parameters()[0],
        "start": far(logits(trainer.model), logits(base)),
        "rates": rates(trainer),
        "turned": turned(trainer.model) if bench.order.spec["method"]["id"] == "eva" else None,
    }
    trainer.train()
    adapter = save(trainer, folder, "adapter")
    trained, laid = logits(trainer.model), logits(PeftModel.from_pretrained(base, adapter))
    told |= {"moved": far(trained, logits(whole(bench))), "reloaded": far(trained, laid)}
    told["ranks"] = ranks(adapter)
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
