"""A trained model in fewer bits: how large it is then, and what it takes to write it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wizard.contract import Architecture, Format, Model
from wizard.fit.memory.law import CPU_PROGRAM
from wizard.fit.offering import merging
from wizard.fit.offering.merging import Merging
from wizard.fit.reading.shape import layer_groups

LEFT_BITS = 16  # of what stays as it was: tables of the vocabulary, norms
UNPACKED = ("gguf",)  # makers whose weights transformers widens again as it loads them
MEASURED_TOKENS = 32 * 256  # of the rows that are measured on, before and after
START_SECONDS = 25.0


class Pace(NamedTuple):
    """Seconds for each weight. On a CPU as seen on 135M parameters (2 cores, AVX2); on a card from the libraries' own
    figures for 7B to 8B."""

    cpu: float
    cuda: float


PACES = {
    "gptqmodel": Pace(cpu=2.3e-6, cuda=1.5e-7),
    "llmcompressor": Pace(cpu=7e-8, cuda=1e-8),
    "hqq": Pace(cpu=3e-7, cuda=1e-8),
    "gguf": Pace(cpu=1e-7, cuda=1e-7),  # the converter knows no card
}
QUICK = Pace(cpu=2e-8, cuda=5e-9)


def group_of(architecture: Architecture, groups: Sequence[int]) -> int:
    """The first of these that divides what each of the model's layers reads; 0 where none does."""
    sizes = {linear.wide_in for _, group in layer_groups(architecture) for linear in group}
    return next((group for group in groups if all(size % group == 0 for size in sizes)), 0)


def whole_blocks(architecture: Architecture, block: int) -> bool:
    """Each layer is made of blocks of so many weights in both directions."""
    linears = [linear for _, group in layer_groups(architecture) for linear in group]
    return all(size % block == 0 for linear in linears for size in (linear.wide_in, linear.wide_out))


def written_bytes(model: Model, format: Format) -> int:
    """Of the files."""
    a = model.architecture
    left = a.vocab * a.hidden * (1 if a.tied else 2)
    return int((left * LEFT_BITS + max(0, model.params - left) * format.bits) / 8)


def saved_bytes(model: Model, format: Format | None) -> int:
    """What is not held in a server's memory, against 16 bits."""
    if model.held:
        return model.params * 2 - merging.weight_bytes(model)
    if format is None or format.maker in UNPACKED:
        return 0
    return max(0, model.params * 2 - written_bytes(model, format))


def seconds(model: Model, format: Format, way: Merging) -> float:
    """Read, measured, written, read and measured again."""
    pace = PACES.get(format.maker, QUICK)
    reading = 0.0 if way.device == "cuda" else 2 * MEASURED_TOKENS * model.params / 1e11
    made = model.params * (pace.cuda if way.device == "cuda" else pace.cpu)
    return START_SECONDS + made + 2 * (reading + merging.answering_seconds(model, way))


def ram_bytes(model: Model, format: Format, way: Merging) -> int:
    """The model as it is measured, and beside it what is written."""
    held = model.params * 2 if way.device == "cuda" else merging.held_bytes(model, way.weight_bytes)
    return held + written_bytes(model, format) + CPU_PROGRAM
