"""The keys of a config.json, whatever its author called them, and what its class takes where one is left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from wizard.fit.reading.numbers import MOST, MOST_OF, listed, whole

NAMES = {
    "hidden_size": ("hidden_size", "n_embd", "d_model", "model_dim", "dim"),
    "num_hidden_layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "num_attention_heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads"),
    "num_key_value_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num", "kv_n_heads"),
    "head_dim": ("head_dim", "kv_channels", "attention_head_dim"),
    "intermediate_size": ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size"),
    "vocab_size": ("padded_vocab_size", "vocab_size"),
    "num_experts": ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"),
    "num_experts_per_tok": ("num_experts_per_tok", "moe_k", "moe_topk", "num_experts_per_token", "experts_per_token"),
    "moe_intermediate_size": ("moe_intermediate_size", "expert_intermediate_size"),
    "shared_experts": ("n_shared_experts", "num_shared_experts", "num_shared_expert", "moe_num_shared_experts"),
    "max_position_embeddings": (
        "model_max_length",
        "max_position_embeddings",
        "n_positions",
        "n_ctx",
        "seq_length",
        "max_seq_len",
    ),
}
# The model_type of the language model, where the config names another.
FLAT = {
    "gemma3": "gemma3_text", "gpt-sw3": "gpt2", "kimi_k2": "deepseek_v3", "llama4": "llama4_text",
    "qwen2_5_vl": "qwen2_5_vl_text", "qwen2_vl": "qwen2_vl_text",
}  # fmt: skip
INSIDE_MINICPMV = {"2.6": "qwen2", "4.5": "qwen3"}  # by its version; else Llama
NESTED = ("text_config", "llm_config", "language_config")


class Reading:
    """A config's text part: a key by any of its spellings, else the default of the model_type it names."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.text = text_of(config)
        self.whole = config
        self.named = bool(self.text.get("model_type") or config.get("model_type"))
        kind = str(self.text.get("model_type") or config.get("model_type") or "llama")
        if kind == "minicpmv":
            kind = INSIDE_MINICPMV.get(str(config.get("version")), "llama")
        self.kind = FLAT.get(kind, kind)
        self.known = defaults().get(self.kind, {}) if self.named else {}

    def get(self, name: str, default: Any = None) -> Any:
        _, value = self._told(name)
        return default if value is None else value

    def _told(self, name: str) -> tuple[str, Any]:
        """(as it is spelt, what is told)."""
        for source in (self.text, self.known):
            for spelling in NAMES.get(name, (name,)):
                if spelling in source:
                    return spelling, source[spelling]
        return name, None

    def tells(self, name: str) -> bool:
        """Itself, not by the default of its class."""
        return any(spelling in self.text for spelling in NAMES.get(name, (name,)))

    def count(self, name: str) -> int:
        """0 where there is none; raises config-wrong-number."""
        return whole(*self._told(name), MOST_OF.get(name, MOST))

    def listed(self, name: str) -> Sequence[Any]:
        spelling, value = self._told(name)
        return listed({spelling: value}, spelling)

    def flag(self, name: str, default: bool = False) -> bool:
        return bool(self.get(name, default))


def text_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The language model of a multimodal config."""
    for name in NESTED:
        if isinstance(inner := config.get(name), Mapping) and inner:
            return text_of(inner)
    return config


@cache
def defaults() -> Mapping[str, Mapping[str, Any]]:
    """What transformers 5.23 takes for a key that a config leaves out, by model_type."""
    table: Mapping[str, Mapping[str, Any]] = json.loads(Path(__file__).with_name("defaults.json").read_text("utf-8"))
    return table
