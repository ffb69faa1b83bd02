"""Counting what is in a decoder: its linear layers, its parameters, the parameters an adapter adds.

In transformers 5 the experts of a layer are two parameters of three dimensions (`gate_up_proj`, `down_proj`) and the
router is one of two: none is an `nn.Linear`, so bitsandbytes leaves them as they are, and PEFT reaches them only as
parameters (`kinds.ADAPTED_EXPERTS` says for which models it does so by itself). `all-linear` leaves the head out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from wizard.contract import Architecture, Tower
from wizard.fit.reading import kinds

SHORT = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "o_proj"}
MLP = ("gate_proj", "up_proj", "down_proj")
CONVOLVED = 4  # tokens seen by the convolution before a recurrent layer, usually
FLOAT8_MULTIPLE = 16  # of both sides of a weight
EXPERTS = "experts"  # as a target: their two parameters, named one by one (PEFT's target_parameters)
Role = Literal["attention", "mlp", "expert", "shared", "router"]


@dataclass(frozen=True, slots=True)
class Linear:
    name: str
    wide_in: int
    wide_out: int
    copies: int = 1  # experts
    role: Role = "attention"
    parts: tuple[str, ...] = ()  # the canonical names of what is fused in it

    @property
    def size(self) -> int:
        """Of one copy."""
        return self.wide_in * self.wide_out

    @property
    def is_module(self) -> bool:
        """An `nn.Linear`, which bitsandbytes replaces."""
        return self.role not in ("expert", "router")

    @property
    def in_float8(self) -> bool:
        """Of the shape that torchao's kernel takes."""
        return self.is_module and self.wide_in % FLOAT8_MULTIPLE == self.wide_out % FLOAT8_MULTIPLE == 0


@cache
def linears(a: Architecture) -> tuple[Linear, ...]:
    """One layer as a token meets it, under Llama's names: nothing fused, the active experts as one MLP."""
    q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
    values = a.heads * a.value_dim if a.kv_rank else kv
    inner = a.intermediate
    if a.experts and a.dense_layers < a.layers:
        inner = a.experts_per_token * a.expert_intermediate + a.shared_intermediate
    found = (
        Linear("q_proj", a.hidden, q),
        Linear("k_proj", a.hidden, q if a.kv_rank else kv),
        Linear("v_proj", a.hidden, values),
        Linear("o_proj", values if a.kv_rank else q, a.hidden),
        Linear("gate_proj", a.hidden, inner, role="mlp"),
        Linear("up_proj", a.hidden, inner, role="mlp"),
        Linear("down_proj", inner, a.hidden, role="mlp"),
    )
    return found if a.gated else tuple(each for each in found if each.name != "gate_proj")


@cache
def layer_groups(a: Architecture) -> tuple[tuple[int, tuple[Linear, ...]], ...]:
    """(how many layers are such, what is in each), under the names of the model's own modules."""
    dense = min(a.dense_layers, a.layers) if a.experts else a.layers
    recurrent = min(a.linear_layers, a.layers - dense)
    counts = {
        ("linear", False): a.linear_layers - recurrent,
        ("full", False): dense - a.linear_layers + recurrent,
        ("linear", True): recurrent,
        ("full", True): a.layers - dense - recurrent,
    }
    groups = []
    for (mixer, routed), count in counts.items():
        if count > 0:
            mixed = _recurrent(a) if mixer == "linear" else _attention(a)
            groups.append((count, (*mixed, *(_experts(a) if routed else _mlp(a, a.intermediate, "mlp")))))
    return tuple(groups)


def _attention(a: Architecture) -> tuple[Linear, ...]:
    if a.kv_rank:
        return _latent(a)
    q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
    wide = {"q": q * (2 if a.kind in kinds.GATED_QUERIES else 1), "k": kv, "v": kv}
    found = []
    for name, parts in kinds.names_of(a.kind, gated=a.gated):
        fused = tuple(kinds.CANONICAL[part] for part in parts)
        if parts == "o":
            found.append(Linear(name, q, a.hidden, parts=fused))
        elif parts[0] in wide:
            found.append(Linear(name, a.hidden, sum(wide[part] for part in parts), parts=fused))
    return tuple(found)


def _latent(a: Architecture) -> tuple[Linear, ...]:
    """Multi-head latent attention: queries, and keys with values, through a narrow middle."""
    q = a.heads * a.head_dim
    up = a.heads * (a.head_dim - a.rope_dim + a.value_dim)
    asked = (
        (Linear("q_a_proj", a.hidden, a.q_rank, parts=("q_proj",)), Linear("q_b_proj", a.q_rank, q, parts=("q_proj",)))
        if a.q_rank
        else (Linear("q_proj", a.hidden, q, parts=("q_proj",)),)
    )
    return (
        *asked,
        Linear("kv_a_proj_with_mqa", a.hidden, a.kv_rank + a.rope_dim, parts=("k_proj", "v_proj")),
        Linear("kv_b_proj", a.kv_rank, up, parts=("k_proj", "v_proj")),
        Linear("o_proj", a.heads * a.value_dim, a.hidden, parts=("o_proj",)),
    )


def _recurrent(a: Architecture) -> tuple[Linear, ...]:
    """The gated delta rule of Qwen3-Next and Qwen3.5."""
    keys, values = _recurrent_widths(a)
    first: tuple[Linear, ...]
    if a.kind == "qwen3_next":
        first = (
            Linear("in_proj_qkvz", a.hidden, 2 * (keys + values)),
            Linear("in_proj_ba", a.hidden, 2 * a.linear_value_heads),
        )
    else:
        first = (
            Linear("in_proj_qkv", a.hidden, 2 * keys + values),
            Linear("in_proj_z", a.hidden, values),
            Linear("in_proj_b", a.hidden, a.linear_value_heads),
            Linear("in_proj_a", a.hidden, a.linear_value_heads),
        )
    return (*first, Linear("out_proj", values, a.hidden))


def _recurrent_widths(a: Architecture) -> tuple[int, int]:
    return a.linear_key_heads * a.linear_key_dim, a.linear_value_heads * a.linear_value_dim


def _mlp(a: Architecture, inner: int, role: Role) -> tuple[Linear, ...]:
    found = []
    for name, parts in kinds.names_of(a.kind, gated=a.gated):
        fused = tuple(kinds.CANONICAL[part] for part in parts)
        if parts == "d":
            found.append(Linear(name, inner, a.hidden, role=role, parts=fused))
        elif parts[0] in "gu":
            wide = inner * (len(parts) if a.gated else 1)
            found.append(Linear(name, a.hidden, wide, role=role, parts=fused))
    return tuple(found)


def _experts(a: Architecture) -> tuple[Linear, ...]:
    inner = a.expert_intermediate
    routed = (
        Linear("gate", a.hidden, a.experts, role="router", parts=("gate",)),
        Linear("gate_up_proj", a.hidden, 2 * inner, a.experts, "expert", ("gate_proj", "up_proj")),
        Linear("down_proj", inner, a.hidden, a.experts, "expert", ("down_proj",)),
    )
    if not a.shared_intermediate:
        return routed
    gate = (Linear("shared_expert_gate", a.hidden, 1, role="shared"),) if a.kind in kinds.SHARED_GATE else ()
    return (*routed, *_mlp(a, a.shared_intermediate, "shared"), *gate)


def adapted(a: Architecture, modules: Sequence[Linear], targets: tuple[str, ...]) -> frozenset[str]:
    """Names of modules that an adapter stands beside; of experts, whose weights are parameters, as `expert:name`."""
    found = [each for each in modules if _ranks(a, each, targets)]
    head = {"lm_head"} & set(targets)
    return frozenset({f"{each.role}:{each.name}" if not each.is_module else each.name for each in found} | head)


def adapts_experts(a: Architecture, targets: tuple[str, ...]) -> bool:
    """Parameters rather than modules get an adapter."""
    each = (linear for _, group in layer_groups(a) for linear in group if not linear.is_module)
    return any(_ranks(a, linear, targets) for linear in each)


def _names(targets: Sequence[str]) -> set[str]:
    names = {SHORT.get(target, target) for target in targets}
    return names | set(MLP) if "mlp" in names else names


def _ranks(a: Architecture, linear: Linear, targets: tuple[str, ...]) -> int:
    """How many times the rank an adapter of this layer has: 0 without one, 2 where PEFT doubles it for a fused pair."""
    names = _names(targets)
    if linear.role == "expert" and EXPERTS in names:
        return 1
    named = "all-linear" in names or bool(names & {linear.name, *linear.parts})
    if a.experts and a.kind in kinds.ADAPTED_EXPERTS:
        if linear.role in ("mlp", "shared"):
            return 1 if named and linear.name == "shared_expert_gate" else 0
        return (2 if linear.name == "gate_up_proj" else 1) if named else 0
    return 1 if named and linear.is_module else 0


def reached(a: Architecture, linear: Linear, targets: tuple[str, ...]) -> bool:
    return _ranks(a, linear, targets) > 0


def block_params(a: Architecture) -> int:
    return sum(count * sum(each.size * each.copies for each in group) for count, group in layer_groups(a))


def adapter_params(a: Architecture, targets: tuple[str, ...], rank: int, *, dora: bool) -> int:
    total = 0
    for count, group in layer_groups(a):
        for each in group:
            if ranks := _ranks(a, each, targets):
                thin = rank * ranks * (each.wide_in + each.wide_out) + (each.wide_out if dora else 0)
                total += count * each.copies * thin
    if a.tower and "all-linear" in targets:
        total += adapter_params(as_layers(a.tower), targets, rank, dora=dora)
    return total + rank * (a.hidden + a.vocab) * len({"lm_head", "embed_tokens"} & set(targets))


@cache
def quantisable_params(a: Architecture) -> int:
    """What bitsandbytes replaces: every `nn.Linear` but the head, in the blocks and in a tower; never experts."""
    blocks = sum(count * sum(each.size for each in group if each.is_module) for count, group in layer_groups(a))
    return blocks + (quantisable_params(as_layers(a.tower)) if a.tower else 0)


@cache
def as_layers(t: Tower) -> Architecture:
    """The layers of a tower as those of a decoder of their kind, without embeddings."""
    return Architecture(
        kind="llama" if t.gated else "mpt",
        layers=t.layers,
        hidden=t.hidden,
        heads=t.heads,
        kv_heads=t.heads,
        head_dim=t.hidden // t.heads,
        intermediate=t.intermediate,
        vocab=0,
        tied=True,
        gated=t.gated,
        norm_bias=not t.gated,
    )


@cache
def params_of(a: Architecture) -> int:
    """The language model whole: embeddings, positions, blocks with biases and norms, the last norm, the head."""
    ends = a.vocab * a.hidden * (1 if a.tied else 2) + (a.vocab if "lm_head" in a.bias else 0)
    norm = a.hidden * (2 if a.norm_bias else 1)
    norms = norm * (a.layers * a.norms + 1) if a.norms else 0
    small = sum(count * _small(a, group) for count, group in layer_groups(a))
    return ends + a.learned_positions * a.hidden + block_params(a) + norms + small + a.other_params


def _small(a: Architecture, group: tuple[Linear, ...]) -> int:
    """Of one layer: biases, norms inside attention, what a recurrent mixer has beside its projections."""
    total = 0
    for each in group:
        if each.role in ("expert", "router"):
            total += each.copies * each.wide_out if each.role in a.bias else 0
        elif each.name in a.bias:
            total += each.wide_out
        elif each.parts and not a.kv_rank:
            biased = sum(part in a.bias for part in each.parts)
            total += _biased(a, each) if 0 < biased < len(each.parts) else each.wide_out if biased else 0
    if any(each.name.startswith("in_proj") for each in group):
        keys, values = _recurrent_widths(a)
        return total + (2 * keys + values) * CONVOLVED + 2 * a.linear_value_heads + a.linear_value_dim
    if a.kv_rank:
        return total + a.kv_rank + a.q_rank
    if a.qk_norm:
        heads = a.heads + a.kv_heads if a.kind in kinds.WIDE_QK_NORM else 2
        total += heads * a.head_dim
    return total


def _biased(a: Architecture, each: Linear) -> int:
    wide = {"q_proj": a.heads * a.head_dim, "k_proj": a.kv_heads * a.head_dim, "v_proj": a.kv_heads * a.head_dim}
    return sum(wide.get(part, 0) for part in each.parts if part in a.bias)
