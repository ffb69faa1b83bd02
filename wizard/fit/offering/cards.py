"""Which cards of a machine work together: one of each kind alone, or several alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wizard.contract import Architecture, Gpu, Machine
from wizard.fit.offering.engines import accelerator

PARTS = (1, 2, 4, 8, 16)  # cards that serve one model together


def hands(machine: Machine, least: int = 1, wanted: int = 0) -> tuple[tuple[Gpu, ...], ...]:
    """Those that may be tried, the first choice first, each with the least room first; empty without a card.

    `least`: how many a recipe needs; where no so many work together, one. `wanted`: just so many, if they can.
    """
    if least <= 1:
        return alone(machine)
    teams = [team for team in _teams(machine) if len(team) >= least]
    asked = [team for team in teams if len(team) == wanted] or teams
    return tuple(sorted(asked, key=lambda team: -len(team) * team[0].free_bytes)) or alone(machine)[:1]


def serving(machine: Machine) -> tuple[tuple[Gpu, ...], ...]:
    """Those that may serve one model: each kind alone, then as many alike as can have a part of it each."""
    teams = [team for team in _teams(machine) if len(team) in PARTS[1:]]
    return (*alone(machine), *sorted(teams, key=len))


def parted(of: Architecture, cards: int, group: int = 1) -> bool:
    """Tensor parallel: as many heads on each card, and as wide a part of each matrix; several cards may hold the same
    head of keys and values (vLLM 0.32: config/model.py, model_executor/layers/linear.py, layers/fused_moe). `group`:
    numbers that share a scale, which no card may have a part of."""
    cut = (
        of.heads, of.intermediate, of.expert_intermediate, of.shared_intermediate,
        of.linear_key_heads, of.linear_value_heads,
    )  # fmt: skip
    shared = of.kv_heads % cards == 0 or cards % max(1, of.kv_heads) == 0
    rows = (of.intermediate, of.expert_intermediate, of.shared_intermediate, of.heads * of.head_dim)
    whole = cards == 1 or all(size // cards % group == 0 for size in rows)
    return all(size % cards == 0 for size in cut) and shared and whole


def alone(machine: Machine) -> tuple[tuple[Gpu, ...], ...]:
    """The roomiest card of each kind; those that run the newest build before older ones, then the roomier ones."""
    kinds: dict[object, Gpu] = {}
    for gpu in sorted(machine.gpus, key=lambda gpu: -gpu.free_bytes):
        kinds.setdefault((gpu.profile or gpu.name, gpu.compute_capability), gpu)
    builds = {gpu.index: accelerator(only(machine, (gpu,))) for gpu in kinds.values()}
    newest = sorted(kinds.values(), key=lambda gpu: builds[gpu.index], reverse=True)  # cu13, cu12, cpu
    return tuple((gpu,) for gpu in newest)


def only(machine: Machine, cards: Sequence[Gpu]) -> Machine:
    """The machine as a program sees it that is shown these cards."""
    return replace(machine, gpus=tuple(cards))


def _teams(machine: Machine) -> Iterator[tuple[Gpu, ...]]:
    """Cards of one capability, the n roomiest of them; slices of a card have no way to one another."""
    whole = [gpu for gpu in machine.gpus if not gpu.mig]
    for capability in {gpu.compute_capability for gpu in whole}:
        alike = sorted((gpu for gpu in whole if gpu.compute_capability == capability), key=lambda gpu: -gpu.free_bytes)
        for count in range(1, len(alike) + 1):
            yield tuple(reversed(alike[:count]))
