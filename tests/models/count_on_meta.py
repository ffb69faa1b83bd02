"""Run in the training environment: reads [config, ...] as JSON, builds each whole model on the meta device, counts.

Writes one JSON line each: {"params", "language", "config"}: all parameters, those outside a tower, the whole config.
"""

import contextlib
import json
import os
import sys
import warnings

TOWERS = {"visual", "vision_tower", "vision_model", "multi_modal_projector", "connector", "image_newline"}


def count(raw):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    config = AutoConfig.for_model(**raw)
    kind = AutoModelForImageTextToText if raw.get("vision_config") else AutoModelForCausalLM
    with torch.device("meta"):
        model = kind.from_config(config)
    sizes = [(name, value.numel()) for name, value in model.named_parameters()]
    total = sum(size for _, size in sizes)
    tower = sum(size for name, size in sizes if TOWERS & set(name.split(".")))
    return {"params": total, "language": total - tower, "config": config.to_dict()}


def main():
    os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
    warnings.filterwarnings("ignore")
    for raw in json.load(sys.stdin):
        with contextlib.redirect_stdout(sys.stderr):
            try:
                found = count(raw)
            except Exception as error:
                found = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(found, default=str), flush=True)


main()
