"""What cards can share with one another, and what no program could do: checked before a run, and by its stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.contract.catalogue import Recipe
from wizard.contract.problem import Problem


def world_of(knobs: Mapping[str, Any]) -> int:
    """Cards of all machines together."""
    return max(1, int(knobs.get("n_gpus", 1))) * max(1, int(knobs.get("nodes", 1)))


def readers_of(knobs: Mapping[str, Any]) -> int:
    """Groups of cards that read rows of their own: the cards of one sequence read it together."""
    return max(1, world_of(knobs) // max(1, int(knobs.get("sequence_parallel", 1))))


def generator_cards(recipe: Recipe) -> int:
    """Kept from the training for a server that writes its answers (TRL's server mode)."""
    return int(written_by(recipe.settings).partition(" ")[2] or 0)


def written_by(settings: Mapping[str, Any]) -> str:
    """Who writes the answers of a training, as TRL 1.16 reads it: transformers, colocate, or server and its cards."""
    if not settings.get("use_vllm"):
        return "transformers"
    mode = str(settings.get("vllm_mode", "colocate"))
    return f"{mode} {settings.get('vllm_tensor_parallel_size', 1)}" if mode == "server" else mode


def least_cards(recipe: Recipe) -> int:
    """Of one machine, those of the server included."""
    return recipe.knobs.n_gpus + generator_cards(recipe)


def parts_for(cards: int, heads: int, kv_heads: int) -> int:
    """The most cards of so many that can read one sequence together: groups of one size, none without a head."""
    fits = [
        n for n in range(1, cards + 1) if cards % n == 0 and heads % n == 0 and (kv_heads % n == 0 or n % kv_heads == 0)
    ]
    return max(fits)


def contradiction(
    knobs: Mapping[str, Any], base: str = "whole", heads: int = 0, kv_heads: int = 0, generator: bool = False
) -> Problem | None:
    """The first thing that these knobs ask for and nothing can do. `base`: how a method holds it; `heads`: 0 where they
    are not known; `generator`: whether a server beside writes the answers."""
    if generator and int(knobs.get("nodes", 1)) > 1:
        return Problem(code="generator-on-one-machine", params={"nodes": int(knobs["nodes"])})
    world, stage, offload = world_of(knobs), int(knobs.get("zero_stage", 0)), str(knobs.get("offload", "none"))
    stage = stage if world > 1 or offload != "none" else 0  # nobody to share with: each keeps everything
    fsdp, parts = bool(knobs.get("fsdp")), int(knobs.get("sequence_parallel", 1))
    if fsdp and stage:
        return Problem(code="shared-twice", params={"zero_stage": stage})
    if offload != "none" and not (stage >= 2 or fsdp):
        return Problem(code="offload-unshared", params={"offload": offload, "zero_stage": stage})
    if offload == "all" and stage == 2:
        return Problem(code="offload-all-unshared", params={})
    if fsdp and world == 1:
        return Problem(code="fsdp-on-one-card", params={})
    if base != "whole" and (stage == 3 or fsdp):
        return Problem(code="four-bits-not-shared", params={})
    return _sequence(knobs, world, stage, parts, heads, kv_heads) if parts > 1 else None


def _sequence(
    knobs: Mapping[str, Any], world: int, stage: int, parts: int, heads: int, kv_heads: int
) -> Problem | None:
    """Ulysses: each card has a part of the tokens, and in attention all tokens of some heads (arXiv:2309.14509)."""
    if not stage:
        return Problem(code="sequence-unshared", params={"parts": parts})
    if world % parts:
        return Problem(code="sequence-cards", params={"parts": parts, "cards": world})
    if knobs.get("packing"):
        return Problem(code="sequence-packed", params={"parts": parts})
    if knobs.get("attention") == "eager":
        return Problem(code="sequence-eager", params={"parts": parts})
    if heads and (heads % parts or (kv_heads % parts and parts % kv_heads)):
        return Problem(code="sequence-heads", params={"parts": parts, "heads": heads, "kv_heads": kv_heads})
    return None
