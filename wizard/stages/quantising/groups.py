"""Weights that share a scale: as many as divide the layers' sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from wizard.errors import ExitCode, WizardError
from wizard.stages.weights import shards

HEADS = ("lm_head", "embed", "wte", "output")  # stay as they are


def group_of(folder: Path, wanted: Sequence[int], format: str) -> int:
    """The first of `wanted` that divides what every quantised layer reads. Raises WizardError quantise-sizes."""
    sizes = sorted({shape[1] for shape in shapes(folder)})
    return dividing(sizes, wanted, format)


def hold_blocks(folder: Path, block: int, format: str) -> None:
    """Raises WizardError quantise-sizes where a layer is not made of whole blocks."""
    dividing(sorted({size for shape in shapes(folder) for size in shape}), [block], format)


def dividing(sizes: Sequence[int], wanted: Sequence[int], format: str) -> int:
    for group in wanted:
        if all(size % group == 0 for size in sizes):
            return group
    odd = next(size for size in sizes if size % wanted[-1])
    raise WizardError("quantise-sizes", exit_code=ExitCode.FAILED, format=format, size=odd, group=wanted[-1])


def shapes(folder: Path) -> Iterator[tuple[int, int]]:
    """(out, in) of all matrices but those of the vocabulary, from the files' headers alone."""
    from safetensors import safe_open

    for shard in shards(folder):
        with safe_open(folder / shard, framework="pt") as file:
            for name in sorted(file.keys()):
                shape = file.get_slice(name).get_shape()
                if len(shape) == 2 and name.endswith(".weight") and not any(head in name for head in HEADS):
                    yield shape[0], shape[1]
