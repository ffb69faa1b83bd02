"""A step as the simulation is told it: every setting by name, and the model's config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from wizard.contract import Architecture
from wizard.errors import WizardError
from wizard.fit.memory.step import Step


def order_of(step: Step, config: Mapping[str, Any]) -> dict[str, Any]:
    """`config`: as in config.json; how its checkpoint is quantised is the step's base."""
    plain = {key: value for key, value in config.items() if key != "quantization_config"}
    told = asdict(step) | {"targets": sorted(step.targets), "config": plain}
    del told["architecture"]
    return told


def config_of(a: Architecture) -> dict[str, Any]:
    """The keys that transformers builds the same layers from. Raises model-not-simulated where an Architecture does
    not tell enough."""
    if a.kind not in PLAIN or a.tower:
        raise WizardError("model-not-simulated", kind=a.kind)
    found: dict[str, Any] = {
        "model_type": a.kind,
        "hidden_size": a.hidden,
        "num_hidden_layers": a.layers,
        "num_attention_heads": a.heads,
        "num_key_value_heads": a.kv_heads,
        "head_dim": a.head_dim,
        "intermediate_size": a.intermediate,
        "vocab_size": a.vocab,
        "tie_word_embeddings": a.tied,
        "max_position_embeddings": 1 << 20,
        "pad_token_id": 0,
    }
    if a.experts:
        found |= {"num_experts": a.experts, "num_local_experts": a.experts, "num_experts_per_tok": a.experts_per_token}
        found["moe_intermediate_size"] = a.expert_intermediate
    if a.window:
        found |= {"sliding_window": a.window}
    elif a.kind == "mistral":
        found |= {"sliding_window": None}
    return found


# Config classes whose layers follow from these keys alone.
PLAIN = frozenset(
    {"gemma", "gemma2", "gemma3_text", "llama", "mistral", "olmo2", "phi3", "qwen2", "qwen3", "qwen3_moe", "smollm3"}
)
