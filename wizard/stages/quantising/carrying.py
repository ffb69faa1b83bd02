"""What makes a model of weights, as the trained one has it: tokenizer, template, settings of its answers."""

from __future__ import annotations

import shutil
from pathlib import Path

WEIGHTS = (".safetensors", ".gguf")
OWN = ("config.json", "model.safetensors.index.json")  # written with the weights


def carry(source: Path, part: Path) -> None:
    """Byte for byte, over what a library may have written of its own: the same tokens, template and ends."""
    for file in source.iterdir():
        if file.is_file() and file.name not in OWN and file.suffix not in WEIGHTS:
            shutil.copy2(file, part / file.name)


def weights_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.suffix in WEIGHTS)
