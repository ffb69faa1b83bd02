"""Run in the training environment: builds models on the meta device, by transformers' own classes, and counts.

Reads JSON: {"published": [config, ...], "sizes": {model_type: config, where its default cannot be built},
"flags": [name, ...]}. Writes one JSON line for each model: {"what", "raw", "params", "linears", "config", "sdpa"}, or
"error" instead of all after "raw".
What: a published config; every model_type for text, and for pictures, by default; the former with one flag turned.
"""

import contextlib
import gc
import json
import os
import sys
import warnings
from collections import Counter
from math import prod

NESTED = ("text_config", "vision_config")
OUTSIDE = ("visual", "vision_tower", "vision_model", "vision_encoder")


def build(raw, pictures):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
    from transformers.initialization import no_init_weights

    config = AutoConfig.for_model(**raw)
    kind = AutoModelForImageTextToText if pictures else AutoModelForCausalLM
    with torch.device("meta"), no_init_weights():
        model = kind.from_config(config)
    model.tie_weights()
    return config, model


def linears(model):
    """(name, size): how often, for the matrices in the layers of the language model."""
    found = Counter()
    for path, value in model.named_parameters():
        parts = path.split(".")
        inside = any(part.isdigit() for part in parts) and not set(parts) & set(OUTSIDE)
        name = parts[-2] if parts[-1] == "weight" else parts[-1]
        if inside and value.dim() > 1:
            found[name, prod(value.shape)] += 1
    return [[*key, number] for key, number in found.items()]


def count(what, raw, pictures=False):
    found = {"what": what, "raw": raw}
    try:
        config, model = build(raw, pictures)
        found |= {"params": sum(value.numel() for value in model.parameters()), "linears": linears(model)}
        found |= {"config": config.to_dict(), "sdpa": model._supports_sdpa}
    except Exception as error:
        found["error"] = f"{type(error).__name__}: {error}"[:300]
    return found


def turned(raw, config, flags):
    if not any(config.get(name) for name in NESTED):
        for flag in flags:
            if isinstance(config.get(flag), bool):
                yield {**raw, flag: not config[flag]}


def counted(asked):
    from transformers.models.auto import modeling_auto as auto

    for raw in asked["published"]:
        yield count("published", raw, bool(raw.get("vision_config")))
    for kind in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        found = count("text", {"model_type": kind, **asked["sizes"].get(kind, {})})
        yield found
        for raw in turned(found["raw"], found.get("config", {}), asked["flags"]):
            yield count("flag", raw)
    for kind in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        yield count("pictures", {"model_type": kind, **asked["sizes"].get(kind, {})}, pictures=True)


def main():
    os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
    warnings.filterwarnings("ignore")
    asked = json.load(sys.stdin)
    gc.disable()
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        for found in counted(asked):
            print(json.dumps(found, default=str), file=out, flush=True)


main()
