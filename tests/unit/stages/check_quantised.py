"""Run in the trl environment with bitsandbytes beside it: of what a train stage's trainer is made, as JSON."""

import json
import sys
from pathlib import Path
from typing import Any

from bitsandbytes.nn import Linear4bit, Linear8bitLt
from peft.tuners.lora import LoraLayer

from wizard.stages.desk import Bench
from wizard.stages.reporter import Reporter
from wizard.stages.train import make


def base_of(layer: Any) -> str:
    if isinstance(layer, Linear8bitLt):
        return "int8"
    if isinstance(layer, Linear4bit):
        return layer.weight.quant_type + ("-dq" if layer.weight.compress_statistics else "")
    return "whole"


def main(folder: Path) -> None:
    bench = Bench(folder)
    model = make(bench, folder / "checkpoints", Reporter(bench)).model
    tuned = [module.get_base_layer() for module in model.modules() if isinstance(module, LoraLayer)]
    trained = [name for name, weights in model.named_parameters() if weights.requires_grad]
    told = {
        "tuned": len(tuned),
        "bases": sorted({base_of(layer) for layer in tuned}),
        "adapter": sorted({str(weights.dtype) for weights in model.parameters() if weights.requires_grad}),
        "trained_in_the_base": [name for name in trained if "lora_" not in name],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
