"""A GGUF file as an ordinary model folder in bf16: weights, config, tokenizer and chat template."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def convert(gguf_file: Path, folder: Path) -> None:
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # transformers reads the file anew for config, tokenizer and weights, four seconds each on two cores.
    gguf.GGUFReader = cache(gguf.GGUFReader)
    place, name = str(gguf_file.parent), gguf_file.name
    tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=name)
    packed = AutoModelForCausalLM.from_pretrained(place, gguf_file=name, dtype=torch.float32)
    config = packed.config
    # A model that calls itself quantised refuses to be saved, though its weights have been unpacked.
    del config.quantization_config
    config.name_or_path = ""
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(packed.state_dict())
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
