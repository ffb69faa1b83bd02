"""The layers of each model_type in transformers 5: the names of its linear layers, and what PEFT makes of them."""

from __future__ import annotations

from functools import cache

# Linear layers of a class of their own, which transformers 5.23 leaves in 16 bits whatever is asked for.
UNQUANTISED = frozenset({"falcon"})
# module:parts, where q k v o are the four projections of attention and g u d gate, up and down of the MLP.
LLAMA = "q_proj:q k_proj:k v_proj:v o_proj:o gate_proj:g up_proj:u down_proj:d"
GPT2 = "c_attn:qkv c_proj:o c_fc:u c_proj:d"
NEOX = "query_key_value:qkv dense:o dense_h_to_4h:u dense_4h_to_h:d"
PHI3 = "qkv_proj:qkv o_proj:o gate_up_proj:gu down_proj:d"
GLM = "q_proj:q k_proj:k v_proj:v o_proj:o gate_up_proj:gu down_proj:d"
OPT = "q_proj:q k_proj:k v_proj:v out_proj:o fc1:u fc2:d"
NAMES = {
    "baichuan": "W_pack:qkv o_proj:o gate_proj:g up_proj:u down_proj:d",
    "biogpt": OPT,
    "bloom": NEOX,
    "chatglm": "query_key_value:qkv dense:o dense_h_to_4h:gu dense_4h_to_h:d",
    "codegen": "qkv_proj:qkv out_proj:o fc_in:u fc_out:d",
    "exaone": "q_proj:q k_proj:k v_proj:v out_proj:o c_fc_0:g c_fc_1:u c_proj:d",
    "falcon": NEOX,
    "glm": GLM,
    "glm4": GLM,
    "glm4v_text": GLM,
    "gpt2": GPT2,
    "gpt_bigcode": GPT2,
    "gpt_neo": "q_proj:q k_proj:k v_proj:v out_proj:o c_fc:u c_proj:d",
    "gpt_neox": NEOX,
    "gptj": "q_proj:q k_proj:k v_proj:v out_proj:o fc_in:u fc_out:d",
    "granitemoehybrid": "q_proj:q k_proj:k v_proj:v o_proj:o input_linear:gu output_linear:d",
    "internlm2": "wqkv:qkv wo:o w1:g w3:u w2:d",
    "mpt": "Wqkv:qkv out_proj:o up_proj:u down_proj:d",
    "nanochat": "q_proj:q k_proj:k v_proj:v o_proj:o fc1:u fc2:d",
    "opt": OPT,
    "persimmon": NEOX,
    "phi": "q_proj:q k_proj:k v_proj:v dense:o fc1:u fc2:d",
    "phi3": PHI3,
    "phi4_multimodal": PHI3,
    "qwen": "c_attn:qkv c_proj:o w2:g w1:u c_proj:d",
    "starcoder2": "q_proj:q k_proj:k v_proj:v o_proj:o c_fc:u c_proj:d",
    "xglm": OPT,
}
BY_HAND = frozenset({"internlm", "internlm3", "mimo"})  # not of transformers, and with Llama's names
WORDS = ("q", "k", "v", "o", "gate", "up", "down")
CANONICAL = {part: f"{name}_proj" for part, name in zip("qkvogud", WORDS, strict=True)}

# Queries come with a gate for attention's output: twice as wide.
GATED_QUERIES = frozenset({"qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"})
# The norm of queries and keys covers all heads at once, or has a weight for each of them.
WIDE_QK_NORM = frozenset({"cohere", "flex_olmo", "minimax_m2", "olmo2", "olmo3", "olmoe", "stablelm"})
# The shared expert has a gate of one number.
SHARED_GATE = frozenset({"qwen2_moe", "qwen3_next", "qwen3_5_moe", "qwen3_5_moe_text"})
# Here "all-linear", or a name of the MLP, makes PEFT 0.21 adapt the fused experts and the router as parameters, and
# nothing else of the MLP (its table of renamed weights); elsewhere experts cannot be reached by a module's name.
ADAPTED_EXPERTS = frozenset(
    {
        "afmoe", "cohere2_moe", "deepseek_v2", "deepseek_v3", "deepseek_v32", "dots1", "ernie4_5_moe", "exaone_moe",
        "flex_olmo", "glm4_moe", "glm4_moe_lite", "glm4v_moe", "glm4v_moe_text", "hunyuan_v1_moe", "minimax",
        "minimax_m2", "mixtral", "olmoe", "qwen3_moe", "qwen3_next",
    }
)  # fmt: skip


@cache
def names_of(kind: str, *, gated: bool) -> tuple[tuple[str, str], ...]:
    """(module, the parts in it), in the order of the layer."""
    pairs = [entry.split(":") for entry in NAMES.get(kind, LLAMA).split()]
    return tuple((name, parts) for name, parts in pairs if gated or parts != "g")
