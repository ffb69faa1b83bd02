"""A model's `config.json` as an Architecture; nothing of the model is executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from wizard.contract import Architecture
from wizard.errors import WizardError
from wizard.fit.reading import details, kinds
from wizard.fit.reading.keys import Reading, defaults
from wizard.fit.reading.numbers import MOST, MOST_OF, is_number, shown
from wizard.fit.reading.towers import tower_of
from wizard.fit.reading.unread import ENCODERS, UNREAD

NEEDED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


def architecture_of(config: Mapping[str, Any], family: str = "") -> Architecture:
    """Raises config-lacks-numbers, config-not-a-decoder or config-unread-kind."""
    at = Reading(config)
    _refuse(at)
    heads, hidden = at.count("num_attention_heads"), at.count("hidden_size")
    latent = at.count("kv_lora_rank")
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
        head_dim=_head_dim(at, hidden, heads),
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


def _head_dim(at: Reading, hidden: int, heads: int) -> int:
    if at.count("kv_lora_rank"):
        return at.count("qk_nope_head_dim") + at.count("qk_rope_head_dim")
    return at.count("head_dim") or hidden // heads


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


def read_as(config: Mapping[str, Any]) -> str:
    """The model_type whose layers are taken for those of one that is not known; empty where it is."""
    at = Reading(config)
    known = at.kind in defaults() or at.kind in kinds.NAMES or at.kind in kinds.BY_HAND
    return "" if at.named and known else "llama"


def max_len_of(config: Mapping[str, Any]) -> int:
    """The longest sequence the config tells, or its class takes for granted; 0 where neither does."""
    return int(_positive(Reading(config).get("max_position_embeddings")))


def longest_of(config: Mapping[str, Any]) -> int:
    """Tokens its positions were made for, a rope scaling included; 0 where the config itself tells nothing, or more
    than any model has."""
    at = Reading(config)
    longest = max_len_of(config) if at.tells("max_position_embeddings") else 0
    scaling = at.text.get("rope_scaling") or at.text.get("rope_parameters")
    if not isinstance(scaling, Mapping):
        return longest
    first = _positive(scaling.get("original_max_position_embeddings")) or longest
    return max(longest, int(_positive(first * _positive(scaling.get("factor")))))


def _positive(value: Any) -> float:
    return value if is_number(value) and 0 < value <= MOST else 0


def _refuse(at: Reading) -> None:
    outer = str(at.whole.get("model_type"))
    if at.whole.get("is_encoder_decoder") or at.text.get("add_cross_attention") or {at.kind, outer} & ENCODERS:
        raise WizardError("config-not-a-decoder", kind=at.kind)
    for kind in (at.kind, outer):
        if kind in UNREAD and not details.plain_hybrid(at):
            raise WizardError("config-unread-kind", kind=kind)
    if at.kind == "opt" and at.count("word_embed_proj_dim") not in (0, at.count("hidden_size")):
        raise WizardError("config-unread-kind", kind="opt (word_embed_proj_dim)")
    for name in NEEDED:
        if at.tells(name) and not at.count(name) and (told := at.get(name)) is not None:
            raise WizardError("config-wrong-number", key=name, found=shown(told), most=MOST_OF.get(name, MOST))
    missing = [name for name in NEEDED if not at.count(name)]
    if not missing and not at.count("intermediate_size") and not at.count("moe_intermediate_size"):
        missing = [] if at.kind in details.FOUR_TIMES else ["intermediate_size"]
    if missing:
        raise WizardError("config-lacks-numbers", kind=at.kind, missing=", ".join(missing))
