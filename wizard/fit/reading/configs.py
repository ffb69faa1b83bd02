"""A model's `config.json`, whatever its author called things, as an Architecture; nothing of the model is executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from wizard.contract import Architecture
from wizard.errors import WizardError
from wizard.fit.reading import details
from wizard.fit.reading.towers import tower_of
from wizard.fit.reading.unread import ENCODERS, UNREAD

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
NEEDED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
NESTED = ("text_config", "llm_config", "language_config")


class Reading:
    """A config's text part: a key by any of its spellings, else the default of the model_type it names."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.text = text_of(config)
        self.whole = config
        told = self.text.get("model_type") or config.get("model_type")
        kind = str(told or "llama")
        if kind == "minicpmv":
            kind = INSIDE_MINICPMV.get(str(config.get("version")), "llama")
        self.kind = FLAT.get(kind, kind)
        self.known = defaults().get(self.kind, {}) if told else {}

    def get(self, name: str, default: Any = None) -> Any:
        spellings = NAMES.get(name, (name,))
        for source in (self.text, self.known):
            for spelling in spellings:
                if spelling in source:
                    return default if source[spelling] is None else source[spelling]
        return default

    def tells(self, name: str) -> bool:
        """Itself, not by the default of its class."""
        return any(spelling in self.text for spelling in NAMES.get(name, (name,)))

    def count(self, name: str) -> int:
        value = self.get(name, 0)
        value = value[0] if isinstance(value, list) and value else value
        return int(value) if isinstance(value, int | float) and value > 0 else 0

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


def architecture_of(config: Mapping[str, Any], family: str = "") -> Architecture:
    """Raises config-lacks-numbers, config-not-a-decoder or config-unread-kind."""
    at = Reading(config)
    _refuse(at)
    heads, hidden = at.count("num_attention_heads"), at.count("hidden_size")
    latent = at.count("kv_lora_rank")
    head_dim = at.count("head_dim") or hidden // heads
    if latent:
        head_dim = at.count("qk_nope_head_dim") + at.count("qk_rope_head_dim")
    gated = details.gated(at)
    norms, norm_bias = details.norms(at)
    kv_heads = heads if latent else details.kv_heads(at, heads)
    return Architecture(
        family=family or at.kind,
        kind=at.kind,
        layers=at.count("num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=details.intermediate(at, hidden),
        vocab=at.count("vocab_size"),
        tied=details.tied(at),
        gated=gated,
        bias=details.biases(at),
        qk_norm=details.qk_norm(at),
        norms=norms,
        norm_bias=norm_bias,
        learned_positions=details.learned_positions(at),
        q_rank=at.count("q_lora_rank") if latent else 0,
        kv_rank=latent,
        rope_dim=at.count("qk_rope_head_dim") if latent else 0,
        value_dim=(at.count("v_head_dim") or hidden // heads) if latent else 0,
        other_params=details.other_params(at),
        tower=tower_of(config, hidden),
        **details.experts(at),
        **details.spans(at),
        **details.recurrent(at),
    )


def outline_of(config: Mapping[str, Any]) -> Architecture:
    """What a config tells of a model that cannot be read, enough to name its modules; `kind` stands for all of it."""
    at = Reading(config)
    told = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]
    heads, hidden = at.count("num_attention_heads") or 1, at.count("hidden_size") or 1 << 20
    return Architecture(
        kind=f"{at.kind} {told}",
        layers=at.count("num_hidden_layers") or 1,
        hidden=hidden,
        heads=heads,
        kv_heads=heads,
        head_dim=hidden // heads,
        intermediate=at.count("intermediate_size") or hidden,
        vocab=at.count("vocab_size"),
        tied=False,
    )


def max_len_of(config: Mapping[str, Any]) -> int:
    """The longest sequence the config tells, or its class takes for granted; 0 where neither does."""
    return Reading(config).count("max_position_embeddings")


def tells_length(config: Mapping[str, Any]) -> bool:
    return Reading(config).tells("max_position_embeddings")


def _refuse(at: Reading) -> None:
    outer = str(at.whole.get("model_type"))
    if at.whole.get("is_encoder_decoder") or at.text.get("add_cross_attention") or {at.kind, outer} & ENCODERS:
        raise WizardError("config-not-a-decoder", kind=at.kind)
    for kind in (at.kind, outer):
        if kind in UNREAD and not details.plain_hybrid(at):
            raise WizardError("config-unread-kind", kind=kind)
    if at.kind == "opt" and at.count("word_embed_proj_dim") not in (0, at.count("hidden_size")):
        raise WizardError("config-unread-kind", kind="opt, with narrow embeddings")
    missing = [name for name in NEEDED if not at.count(name)]
    if not missing and not at.count("intermediate_size") and not at.count("moe_intermediate_size"):
        missing = [] if at.kind in details.FOUR_TIMES else ["intermediate_size"]
    if missing:
        raise WizardError("config-lacks-numbers", kind=at.kind, missing=", ".join(missing))
