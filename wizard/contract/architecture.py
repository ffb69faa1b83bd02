"""What a model is made of, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """What reads pictures or sound for a language model: its own layers, and the projector behind them."""

    params: int  # tower and projector
    layers: int
    hidden: int
    intermediate: int
    heads: int
    positions: int  # inside the tower, for one picture of the model's default size
    tokens: int  # what the language model reads for that picture
    gated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The numbers of a decoder, named as in transformers' configurations. `kind` is transformers' model_type."""

    family: str = ""
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int  # of queries and keys, rotary part included
    intermediate: int
    vocab: int
    tied: bool
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    kind: str = "llama"
    gated: bool = True  # an MLP of three matrices; False: of two
    bias: tuple[str, ...] = ()  # of q_proj k_proj v_proj o_proj gate_proj up_proj down_proj router expert lm_head
    qk_norm: bool = False
    norms: int = 2  # of a layer's stream, without those on queries and keys
    norm_bias: bool = False  # LayerNorm rather than RMSNorm
    learned_positions: int = 0
    shared_intermediate: int = 0  # MoE: all shared experts together
    dense_layers: int = 0  # MoE: layers whose MLP is a dense one of `intermediate`
    window: int = 0  # sliding window, tokens
    window_layers: int = 0  # layers that see no further
    linear_layers: int = 0  # layers with a recurrent state instead of a KV cache
    q_rank: int = 0  # multi-head latent attention: compressed queries, keys and values
    kv_rank: int = 0
    rope_dim: int = 0
    value_dim: int = 0
    linear_key_heads: int = 0  # of the layers with a recurrent state
    linear_value_heads: int = 0
    linear_key_dim: int = 0
    linear_value_dim: int = 0
    other_params: int = 0  # what none of these numbers tells: embeddings of each layer, gates
    tower: Tower | None = None
