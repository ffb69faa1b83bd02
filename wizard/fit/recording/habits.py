"""How the layers of each model_type in transformers 5 compute, where they differ from Llama's."""

from __future__ import annotations

# Attention and MLP read the same stream and are added to it together.
PARALLEL = frozenset({"codegen", "cohere", "cohere2", "cohere2_moe", "falcon", "gpt_neox", "gptj", "phi"})
# The norms come after attention and MLP, before what they made is added to the stream.
POST_NORM = frozenset({"exaone4", "olmo2", "olmo3"})
# Norms of one kernel, with a bias or without.
ONE_KERNEL_NORM = frozenset({"olmo"})
# Their norms multiply by 1 + the weight in fp32 before they cast back.
PLUS_ONE = ("gemma",)
# Part of each head is turned and joined to the rest again; phi3 joins all of it to nothing.
JOINED_ROTARY = {
    "gpt_neox": 1 / 4, "glm": 1 / 2, "glm4": 1 / 2, "glm4v_text": 1 / 2, "nemotron": 1 / 2, "persimmon": 1 / 2,
    "phi": 2 / 5, "phi3": 1.0, "phi4_multimodal": 1.0, "stablelm": 1 / 4,
}  # fmt: skip
NO_ROTARY = frozenset({"biogpt", "bloom", "gpt2", "gpt_bigcode", "gpt_neo", "mpt", "opt", "xglm"})
# Queries, keys and values are slices of one product, each of which hands back a gradient as wide as the whole;
# elsewhere a fused product is split at once.
SLICED = frozenset({"phi3", "phi4_multimodal"})
# gelu_new: seven operations in Python, of which four keep something.
GELU_NEW = frozenset({"codegen", "gpt2", "gpt_neo", "gptj", "phi"})
# Dropout on the stream while training, unless the config turns it off.
DROPOUT = frozenset({"gpt2", "opt", "xglm"})
# Their scores are capped, biased or have sinks, or their code is older: transformers knows only eager attention here.
EAGER = frozenset(
    {
        "bloom", "codegen", "flint", "gemma2", "gpt_neo", "gpt_oss", "gptj", "granite_swa", "granitemoe_swa", "mpt",
        "vaultgemma", "xglm",
    }
)  # fmt: skip
WITHOUT_FLASH = frozenset({"bloom", "codegen", "mpt", "xglm"})  # nor do these know FlashAttention
CAPPED_LOGITS = frozenset({"gemma2"})
# A norm follows the embedding; under autocast what it gives, and with it the stream, is in fp32.
NORMED_EMBEDDING = frozenset({"bloom"})


def like(kind: str) -> str:
    """The model_type itself where a layer of it computes otherwise than Llama's, else Llama's."""
    own = (PARALLEL, POST_NORM, ONE_KERNEL_NORM, JOINED_ROTARY, NO_ROTARY, SLICED, GELU_NEW, DROPOUT)
    return kind if kind.startswith(PLUS_ONE) or any(kind in each for each in own) else "llama"
