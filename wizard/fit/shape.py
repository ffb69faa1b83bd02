"""Counting what is in a decoder: its linear layers, its parameters, the parameters an adapter adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from wizard.contract import Architecture

SHORT = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj"}
MLP = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class Linear:
    name: str
    wide_in: int
    wide_out: int

    @property
    def size(self) -> int:
        return self.wide_in * self.wide_out


@cache
def linears(a: Architecture) -> tuple[Linear, ...]:
    """Those of one layer."""
    q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
    return (
        Linear("q_proj", a.hidden, q),
        Linear("k_proj", a.hidden, kv),
        Linear("v_proj", a.hidden, kv),
        Linear("o_proj", q, a.hidden),
        Linear("gate_proj", a.hidden, a.intermediate),
        Linear("up_proj", a.hidden, a.intermediate),
        Linear("down_proj", a.intermediate, a.hidden),
    )


@cache
def targeted(a: Architecture, targets: tuple[str, ...]) -> tuple[Linear, ...]:
    names = _names(targets)
    return tuple(linear for linear in linears(a) if "all-linear" in names or linear.name in names)


def _names(targets: Sequence[str]) -> set[str]:
    names = {SHORT.get(target, target) for target in targets}
    return names | set(MLP) if "mlp" in names else names


def block_params(a: Architecture) -> int:
    return a.layers * sum(linear.size for linear in linears(a))


def adapter_params(a: Architecture, targets: tuple[str, ...], rank: int, *, dora: bool) -> int:
    each = sum(rank * (t.wide_in + t.wide_out) + (t.wide_out if dora else 0) for t in targeted(a, targets))
    return a.layers * each


def params_of(a: Architecture) -> int:
    """Embedding, head, blocks and norms."""
    ends = a.vocab * a.hidden * (1 if a.tied else 2)
    return ends + block_params(a) + (a.layers * a.norms + 1) * a.hidden


def quantisable_params(a: Architecture) -> int:
    return block_params(a)
