"""What differs between model_types, read off their config: biases, norms, experts, windows, recurrent layers."""

from __future__ import annotations

from wizard.fit.reading.keys import Reading
from wizard.fit.reading.numbers import listed
from wizard.fit.reading.shape import CONVOLVED

QKV = ("q_proj", "k_proj", "v_proj")
ATTENTION = (*QKV, "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
FOUR_TIMES = ("bloom", "codegen", "falcon", "gpt2", "gpt_bigcode", "gpt_neo", "gptj", "mpt")
UNGATED = (
    "apertus", "arcee", "biogpt", "gpt_neox", "jais2", "nanochat", "nemotron", "opt", "persimmon", "phi", "starcoder2",
    "xglm", *FOUR_TIMES,
)  # fmt: skip
LAYER_NORM = (
    "biogpt", "bloom", "codegen", "falcon", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "jais2", "nemotron",
    "opt", "persimmon", "phi", "phimoe", "stablelm", "starcoder2", "xglm",
)  # fmt: skip
WITHOUT_WEIGHTS = ("nanochat", "olmo")  # of their norms
ONE_NORM = ("codegen", "cohere", "cohere2", "cohere2_moe", "gptj", "phi")
FOUR_NORMS = ("gemma2", "gemma3_text", "glm4", "glm4v_text", "kolibri1")
QK_NORM = (
    "apertus", "dots1", "exaone4", "exaone_moe", "flex_olmo", "flint", "gemma3_text", "hunyuan_v1_dense",
    "hunyuan_v1_moe", "hy_v3", "kolibri1", "mellum", "minimax_m2", "olmo2", "olmo3", "olmoe", "qwen3",
    "qwen3_5_moe_text", "qwen3_5_text", "qwen3_moe", "qwen3_next", "qwen3_vl_moe_text", "qwen3_vl_text",
)  # fmt: skip
ONE_HEAD_EACH = (
    "biogpt", "bloom", "codegen", "gpt2", "gpt_neo", "gpt_neox", "gptj", "mpt", "opt", "persimmon", "qwen", "xglm",
)  # fmt: skip
SINKS = ("flint", "gpt_oss", "granite_swa", "granitemoe_swa")  # a number for each head
# `attention_bias` or what it is called elsewhere, and on which projections it puts biases.
ONLY_QKV = (
    "glm", "glm4", "glm4_moe", "glm4v_moe_text", "glm4v_text", "helium", "mimo", "seed_oss", "solar_open",
)  # fmt: skip
QKV_ALWAYS = ("glm4v_text", "qwen", "qwen2", "qwen2_5_vl_text", "qwen2_moe", "qwen2_vl_text")
ALL_BIASED = ("biogpt", "bloom", "gpt2", "gpt_bigcode", "persimmon", "phi", "xglm")
MLP_BIASED = ("codegen", "gpt_neo", "gpt_neox", "gptj")
HEAD_BIASED = ("codegen", "gptj", "phi")
# Of latent attention, `attention_bias` reaches what is narrowed and the last projection.
LATENT = ("q_a_proj", "kv_a_proj_with_mqa", "o_proj")
# Every how many layers one sees the whole sequence, where the config does not list its layers.
WHOLE_EVERY = {
    "cohere2": 4, "cohere2_moe": 4, "cwm": 4, "exaone4": 4, "gemma2": 2, "gemma3_text": 6, "gpt_oss": 2,
    "granite_swa": 4, "granitemoe_swa": 4, "kolibri1": 5, "llama4_text": 4, "mellum": 1, "olmo3": 4, "vaultgemma": 2,
}  # fmt: skip


def gated(at: Reading) -> bool:
    return at.kind not in UNGATED


def tied(at: Reading) -> bool:
    """As the whole model says, else its language model; transformers 5 goes by the whole alone."""
    for source in (at.whole, at.text):
        if source.get("tie_word_embeddings") is not None:
            return bool(source["tie_word_embeddings"])
    return bool(at.known.get("tie_word_embeddings", False))


def kv_heads(at: Reading, heads: int) -> int:
    if at.kind in ("falcon", "gpt_bigcode") and not at.flag("new_decoder_architecture"):
        return 1 if at.flag("multi_query", True) else heads
    if at.kind == "chatglm" and not at.flag("multi_query_attention"):
        return heads
    if at.kind in ONE_HEAD_EACH:
        return heads
    found = at.count("num_key_value_heads")
    usual = not at.tells("num_key_value_heads")  # then it suits as many heads as are usual
    return heads if not found or (usual and heads % found) else found


def intermediate(at: Reading, hidden: int) -> int:
    """Of the layers without experts."""
    name = {"granitemoehybrid": "shared_intermediate_size", "llama4_text": "intermediate_size_mlp"}.get(at.kind)
    found = at.count(name or "intermediate_size")
    if at.kind == "qwen":
        return found // 2  # the config tells both matrices together
    return found or (4 * hidden if at.kind in FOUR_TIMES else 0)


def biases(at: Reading) -> tuple[str, ...]:
    kind, found = at.kind, set[str]()
    if kind in QKV_ALWAYS and at.flag("qkv_bias", True):
        found |= set(QKV)
    if at.flag("attention_bias") or (kind == "internlm3" and at.flag("qkv_bias")):
        found |= set(LATENT if at.count("kv_lora_rank") else QKV if kind in ONLY_QKV else ATTENTION)
    if at.flag("attention_out_bias"):
        found.add("o_proj")
    if at.flag("mlp_bias") or (kind == "internlm3" and at.flag("bias")):
        found |= set(MLP)
    everywhere = kind in ALL_BIASED or (kind == "opt" and at.flag("enable_bias", True))
    if everywhere or at.flag("use_bias") or (kind == "falcon" and at.flag("bias")):
        found |= {*ATTENTION, *MLP}
    if kind == "internlm" and at.flag("bias", True):
        found |= set(ATTENTION)
    if at.flag("use_qkv_bias") or at.flag("add_qkv_bias"):
        found |= set(QKV)
    if kind in MLP_BIASED:
        found |= {*MLP, *(("o_proj",) if kind == "gpt_neo" else ())}
    if kind in HEAD_BIASED or at.flag("lm_head_bias") or (kind == "ernie4_5_moe" and at.flag("use_bias")):
        found.add("lm_head")
    if kind == "gpt_oss":
        found |= {"expert", "router"}
    if not gated(at):
        found.discard("gate_proj")
    order = (*ATTENTION, *LATENT[:2], *MLP, "expert", "router", "lm_head")
    return tuple(name for name in order if name in found)


def qk_norm(at: Reading) -> bool:
    if at.kind == "llama4_text":
        return False  # without weights
    return at.kind in QK_NORM or at.flag("use_qk_norm") or at.flag("qk_layernorm")


def norms(at: Reading) -> tuple[int, bool]:
    """(of a layer's stream, with a bias)."""
    kind = at.kind
    if kind in WITHOUT_WEIGHTS:
        return 0, False
    one = kind in ONE_NORM or (kind == "stablelm" and at.flag("use_parallel_residual"))
    if kind == "falcon" and at.flag("parallel_attn", True):
        one = at.count("num_ln_in_parallel_attn") == 1 or not at.flag("new_decoder_architecture")
    four = kind in FOUR_NORMS or (kind == "hyperclovax" and at.flag("use_post_norm"))
    count = 1 if one else 4 if four else 2
    return count, kind in LAYER_NORM


def learned_positions(at: Reading) -> int:
    if at.kind in ("gpt2", "gpt_bigcode", "gpt_neo"):
        return at.count("max_position_embeddings")
    return at.count("max_position_embeddings") + 2 if at.kind in ("biogpt", "opt") else 0


def other_params(at: Reading) -> int:
    """Scalars and vectors that no other number of an Architecture counts."""
    hidden, layers, heads = at.count("hidden_size"), at.count("num_hidden_layers"), at.count("num_attention_heads")
    if at.kind in SINKS:
        return layers * heads
    if at.kind == "bloom":
        return 2 * hidden  # the norm after the embedding
    if at.kind == "apertus":
        return 2 * layers  # of the activation
    if at.kind in ("persimmon", "phi") and at.flag("qk_layernorm"):
        return 2 * layers * (hidden // heads)  # the biases of those norms
    if at.kind == "opt" and not at.flag("do_layer_norm_before", True):
        return -2 * hidden  # no last norm
    if at.kind == "mllama_text_model":
        crossing = len(at.listed("cross_attention_layers"))
        return crossing * (2 * (hidden // heads) + 2) + 8 * hidden  # norms and gates, and the token of a picture
    if at.kind == "ernie4_5_moe":
        return at.count("num_experts") * (layers - dense_layers(at))  # what is added to the router's scores
    if at.count("linear_num_value_heads"):
        keys = at.count("linear_num_key_heads") * at.count("linear_key_head_dim")
        values = at.count("linear_num_value_heads") * at.count("linear_value_head_dim")
        wider = (at.count("linear_conv_kernel_dim") or CONVOLVED) - CONVOLVED
        return recurrent(at)["linear_layers"] * (2 * keys + values) * wider
    return 0


def experts(at: Reading) -> dict[str, int]:
    number = at.count("num_experts")
    if number < 2:
        return {}
    inner = at.count("moe_intermediate_size") or at.count("intermediate_size")
    shared = at.count("shared_expert_intermediate_size") or at.count("shared_experts") * inner
    if at.kind in ("granitemoe_swa", "granitemoeshared"):
        shared = at.count("shared_intermediate_size")
    if at.kind in ("hunyuan_v1_moe", "llama4_text"):
        shared = inner if at.kind == "llama4_text" or at.flag("use_mixed_mlp_moe", True) else 0
    return {
        "experts": number,
        "experts_per_token": at.count("num_experts_per_tok"),
        "expert_intermediate": inner,
        "shared_intermediate": shared,
        "dense_layers": dense_layers(at),
    }


def dense_layers(at: Reading) -> int:
    layers = at.count("num_hidden_layers")
    if kinds := listed(at.text, "mlp_layer_types"):
        return sum(kind == "dense" for kind in kinds[:layers])
    if every := at.count("interleave_moe_layer_step"):
        routed = listed(at.text, "moe_layers")
        return layers - (len(routed[:layers]) or layers // every)
    if at.kind == "ernie4_5_moe":
        every, first = max(at.count("moe_layer_interval"), 1), at.count("moe_layer_start_index")
        last = at.count("moe_layer_end_index") or layers - 1
        return layers - sum((index + 1) % every == 0 and first <= index <= last for index in range(layers))
    plain = {index for index in at.listed("mlp_only_layers") if isinstance(index, int)}
    step = at.count("decoder_sparse_step")
    if step > 1 or plain:
        return sum(index in plain or (index + 1) % max(step, 1) != 0 for index in range(layers))
    return min(at.count("first_k_dense_replace"), layers)


def spans(at: Reading) -> dict[str, int]:
    """How far layers see."""
    layers = at.count("num_hidden_layers")
    window = at.count("sliding_window") or at.count("attention_chunk_size")
    kinds = listed(at.text, "layer_types")[:layers]
    if not window or not at.flag("use_sliding_window", True):
        return {}
    if kinds:
        near = sum(kind in ("sliding_attention", "chunked_attention") for kind in kinds)
    elif at.kind.startswith("qwen") or at.kind == "dots1":
        asked = at.kind == "dots1" or at.flag("use_sliding_window")
        near = max(0, layers - at.count("max_window_layers")) if asked else 0
    else:
        every = at.count("sliding_window_pattern") or WHOLE_EVERY.get(at.kind, 0)
        near = layers - layers // every if every else layers
    return {"window": window, "window_layers": near} if near else {}


def recurrent(at: Reading) -> dict[str, int]:
    if not at.count("linear_num_value_heads"):
        return {}
    layers = at.count("num_hidden_layers")
    kinds = listed(at.text, "layer_types")[:layers]
    every = at.count("full_attention_interval") or 4
    number = kinds.count("linear_attention") if kinds else layers - layers // every
    return {
        "linear_layers": number,
        "linear_key_heads": at.count("linear_num_key_heads"),
        "linear_value_heads": at.count("linear_num_value_heads"),
        "linear_key_dim": at.count("linear_key_head_dim"),
        "linear_value_dim": at.count("linear_value_head_dim"),
    }


def plain_hybrid(at: Reading) -> bool:
    """A hybrid's config that lists attention layers only, and no experts."""
    kinds = listed(at.text, "layer_types")
    plain = bool(kinds) and all(kind == "attention" for kind in kinds)
    return at.kind == "granitemoehybrid" and plain and not at.count("num_experts")
