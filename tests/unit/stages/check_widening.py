"""Run in the trl environment: what is held in bf16 and widened computes what is held in fp32, merged or not."""

import copy
import json
import sys

import torch
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from wizard.stages.widening import Wide
from wizard.tuners.configuring import config_of

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48, "vocab_size": 96}
KEYED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
MIXED = {**KEYED, "num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
MODELS = {
    "llama": KEYED,
    "qwen3": KEYED,
    "gemma2": {**KEYED, "query_pre_attn_scalar": 8},
    "phi": SMALL,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 96},
    "mixtral": MIXED,
    "qwen3_moe": MIXED,
}
METHODS = {
    "lora": {},
    "dora": {"settings": {"use_dora": True}},
    "adalora": {"tuner": "adalora"},
    "vera": {"tuner": "vera"},
    "oft": {"tuner": "oft", "settings": {"oft_block_size": 8, "r": 0}},
    "boft": {"tuner": "boft"},
    "ia3": {"tuner": "ia3"},
    "miss": {"tuner": "miss"},
}
KNOBS = {"rank": 4, "alpha": 8, "targets": ["all-linear"]}
LEARNT = ("lora_", "vera_lambda", "oft_R", "boft_", "ia3_l", "miss_block")
ROWS = torch.arange(10).view(1, 10) * 7 % 96


def base_model(kind):
    torch.manual_seed(3)
    config = AutoConfig.for_model(kind, **MODELS[kind], pad_token_id=0, tie_word_embeddings=kind == "gemma2")
    return AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()


def adapted_model(base, method):
    torch.manual_seed(5)
    config = config_of({"tuner": "lora", "settings": {}, **METHODS[method]}, KNOBS, base)
    model = get_peft_model(base, config).eval()
    for name, weight in model.named_parameters():
        if weight.requires_grad and any(word in name for word in LEARNT):
            ones = any(word in name for word in ("magnitude", "ia3_l", "boft_s"))
            weight.data = torch.randn(weight.shape) * 0.05 + ones
    for name, matrix in model.named_buffers():
        if "vera_" in name:  # which PEFT rounds on a base in 16 bits, and an adapter's file then holds so
            matrix.copy_(matrix.bfloat16())
    return model


def logits(model):
    with torch.inference_mode():
        return model(ROWS).logits


def check(kind, method):
    half = base_model(kind)
    whole = adapted_model(copy.deepcopy(half).float(), method)
    wide = Wide()
    wide.cover(half)
    found = {"base": torch.equal(logits(half), logits(copy.deepcopy(half).float()))}
    narrow = adapted_model(half, method)
    wide.cover(narrow)
    found["adapter"] = torch.equal(logits(narrow), logits(whole))
    with wide.merged(narrow):
        seen = logits(narrow)
    found["apart"] = torch.equal(logits(narrow), logits(whole))  # nothing of the merging is left
    plain = whole.merge_and_unload()
    found["merged"] = torch.equal(seen, logits(plain))
    weights = {
        weight for name, weight in narrow.named_parameters() if not weight.requires_grad and "ranknum" not in name
    }
    found["halves"] = all(weight.dtype is torch.bfloat16 for weight in weights)
    ours, theirs = wide.merge(narrow, torch.bfloat16), plain.to(torch.bfloat16)
    pairs = zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True)
    found["saved"] = all(one == other and torch.equal(a, b) for (one, a), (other, b) in pairs)
    return found


def cases():
    for kind in MODELS:
        for method in METHODS:
            experts = kind in ("mixtral", "qwen3_moe")  # PEFT adapts them as parameters, which only LoRA can
            if method == "lora" or kind in ("llama", "phi") or (method == "dora" and not experts):
                yield kind, method


if __name__ == "__main__":
    for kind, method in cases():
        print(json.dumps({"case": f"{kind} {method}", **check(kind, method)}), flush=True)
    sys.exit(0)
