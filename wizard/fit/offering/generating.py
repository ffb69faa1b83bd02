"""The cards that a server has for itself which writes the answers of a training on the others (TRL's server mode).

New weights come to it whole, in two buffers of 1 GiB that each end behind a matrix, beside the share of the card that
vLLM takes when it starts: vllm/distributed/weight_transfer/packed_tensor.py.
"""

from __future__ import annotations

from wizard.contract import MOST_OF_A_CARD, Generator, Knobs, Model, Problem
from wizard.contract.sharing import generator_cards
from wizard.fit.memory import engine
from wizard.fit.memory.law import CUDA_CONTEXT, GIB, UNSURE
from wizard.fit.memory.step import Step
from wizard.fit.offering.setting import Setting

BUFFERS = 2
NUMBER = 2  # bytes: it serves in 16 bits


def generator_of(setting: Setting, knobs: Knobs) -> Generator | None:
    """None where the recipe has none, or there are not enough cards. The training has those with the least room."""
    count, model = generator_cards(setting.recipe), setting.model
    if not count or len(setting.gpus) <= count:
        return None
    gpus = sorted(setting.gpus, key=lambda gpu: (gpu.free_bytes, gpu.index))[-count:]
    gpu, context = gpus[0], (setting.board.overhead_bytes if setting.board else 0) or CUDA_CONTEXT
    numbers, length = model.architecture, min(knobs.seq_len, model.max_len)
    step = Step(architecture=numbers, params=model.params, task="infer", seq_len=length, cards=count, attention="flash")
    passing = passing_bytes(model)
    parts = sum(term.bytes for term in engine.parts(step, gpu.total_bytes, gpu.name))
    own = parts + engine.of_sequence(step) + passing
    return Generator(
        gpus=tuple(sorted(each.index for each in gpus)),
        needed_bytes=context + own,
        safe_bytes=context + own + int(own * UNSURE),
        capacity_bytes=min(gpu.free_bytes, int(MOST_OF_A_CARD * gpu.total_bytes) + context + passing),
        passing_bytes=passing,
    )


def passing_bytes(model: Model) -> int:
    largest = model.architecture.vocab * model.architecture.hidden * NUMBER
    return min(model.params * NUMBER, BUFFERS * GIB + largest)


def shortage(setting: Setting, generator: Generator) -> Problem | None:
    if generator.needed_bytes <= generator.capacity_bytes:
        return None
    needed, free = generator.needed_bytes, generator.capacity_bytes
    sizes = {"needed_bytes": needed, "free_bytes": free, "short_bytes": needed - free}
    return Problem(code="short-of-memory-generator", params={"model": setting.model.title, **sizes})
