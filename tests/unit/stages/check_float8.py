"""Run by the forge: which layers compute in FP8, and what one such product holds: `check_float8.py FOLDER`."""

import json
import sys
import weakref
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

from wizard.errors import WizardError
from wizard.tuners import Float8Config, prepare_model

SMALL = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "vocab_size": 320,
}
EXPERTS = {"num_experts": 16, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "decoder_sparse_step": 1}
MODELS = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SMALL)),
    "odd": (LlamaForCausalLM, LlamaConfig(**SMALL | {"intermediate_size": 120})),
    "none": (LlamaForCausalLM, LlamaConfig(**SMALL | {"hidden_size": 40, "intermediate_size": 120})),
    "experts": (Qwen3MoeForCausalLM, Qwen3MoeConfig(**SMALL, **EXPERTS)),
}
TOKENS, WIDE_IN, WIDE_OUT = 512, 256, 768


class Live(TorchDispatchMode):
    """The most bytes of tensors that were there at a time, of those made under it."""

    def __init__(self, *there):
        super().__init__()
        self.seen, self.now, self.most = {each.untyped_storage()._cdata: 0 for each in there}, 0, 0

    def gone(self, key):
        self.now -= self.seen.pop(key)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            storage = each.untyped_storage() if isinstance(each, torch.Tensor) else None
            if storage is not None and storage._cdata not in self.seen:
                self.seen[storage._cdata] = storage.nbytes()
                self.now += storage.nbytes()
                self.most = max(self.most, self.now)
                weakref.finalize(storage, self.gone, storage._cdata)
        return made


def converted(name):
    kind, config = MODELS[name]
    try:
        model = prepare_model(kind(config), Float8Config())
    except WizardError as error:
        return error.problem.code
    return [path for path, module in model.named_modules() if type(module).__name__ == "Float8Linear"]


def product():
    """A weight in 32 bits and tokens in 16, as under autocast: highest in the forward, left, and so in the backward."""
    model = LlamaForCausalLM(LlamaConfig(**SMALL))
    model.model.layers[0].mlp.up_proj = torch.nn.Linear(WIDE_IN, WIDE_OUT, bias=False)
    layer = prepare_model(model, Float8Config()).model.layers[0].mlp.up_proj
    x = torch.randn(TOKENS, WIDE_IN, dtype=torch.bfloat16, requires_grad=True)
    gradient = torch.randn(TOKENS, WIDE_OUT, dtype=torch.bfloat16)
    live = Live(x, gradient, layer.weight)
    with live:
        out = layer(x)
        forward, left = live.most, live.now
        live.most = 0
        out.backward(gradient)
    return forward, left, live.most


if __name__ == "__main__":
    told = {name: converted(name) for name in MODELS} | {"product": product()}
    Path(sys.argv[1], "told.json").write_text(json.dumps(told))
