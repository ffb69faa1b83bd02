"""Run in the trl environment: our own tuners against the definitions of their papers. One JSON line a check."""

import json
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from wizard.errors import WizardError
from wizard.tuners import (
    AdapterConfig,
    FreezeConfig,
    LisaConfig,
    LlamaProConfig,
    load_adapter,
    prepare_model,
    save_adapter,
)
from wizard.tuners.bottleneck import switch
from wizard.tuners.layers import layers_of
from wizard.tuners.lisa import Sleep, drawn
from wizard.tuners.llama_pro import places
from wizard.tuners.preparing import hold_fully

SMALL = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 48, "vocab_size": 96}
KEYED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
MIXED = {**KEYED, "num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
MODELS = {
    "llama": KEYED,
    "qwen3": KEYED,
    "gemma2": {**KEYED, "query_pre_attn_scalar": 8, "sliding_window": 4},
    "gpt2": {"n_embd": 32, "n_layer": 4, "n_head": 4, "vocab_size": 96},
    "phi3": KEYED,
    "mixtral": MIXED,
    "qwen3_moe": MIXED,
}
ROWS = torch.arange(10).view(1, 10) * 7 % 96
H, LAYERS = 32, 4


def base_model(kind="llama", **more):
    torch.manual_seed(3)
    config = AutoConfig.for_model(kind, **{**MODELS[kind], "pad_token_id": 0, **more})
    return AutoModelForCausalLM.from_config(config).eval()


def logits(model):
    with torch.inference_mode():
        return model(ROWS, use_cache=False).logits


def trained(model):
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


def count(model):
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def learn(model, steps=2):
    """Names of the weights that some steps of Adam change."""
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = torch.optim.AdamW([w for w in model.parameters() if w.requires_grad], lr=1e-2, weight_decay=0.0)
    for _ in range(steps):
        model.train()(ROWS, labels=ROWS, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    return {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}


def refused(code, act):
    try:
        act()
    except WizardError as error:
        return error.problem.code == code
    return False


def freezing():
    model = prepare_model(base_model(), FreezeConfig(layers=1, modules=("lm_head",)))
    whole = {name for name, _ in model.named_parameters() if name.startswith(("model.layers.3.", "lm_head"))}
    assert trained(model) == learn(model) == whole
    assert trained(prepare_model(base_model(), FreezeConfig(layers=0, modules=("layers.0.mlp",)))) == {
        f"model.layers.0.mlp.{name}.weight" for name in ("gate_proj", "up_proj", "down_proj")
    }
    assert refused("too-few-layers", lambda: prepare_model(base_model(), FreezeConfig(layers=5)))
    assert refused("module-not-found", lambda: prepare_model(base_model(), FreezeConfig(modules=("head",))))


def bottleneck(kind):
    for placement, per_layer in {"pfeiffer": 1, "houlsby": 2}.items():
        base = base_model(kind)
        told = logits(base)
        size = 6
        model = prepare_model(base, config := AdapterConfig(size=size, placement=placement))
        assert torch.equal(told, logits(model)), "starts as the base"
        assert count(model) == LAYERS * per_layer * (2 * H * size + size + H)
        assert learn(model, 3) == trained(model), "adapters alone change, all of them"
        moved = logits(model)
        assert not torch.equal(told, moved)
        with tempfile.TemporaryDirectory() as folder:
            save_adapter(model, folder, config)
            assert {path.name for path in Path(folder).iterdir()} == {
                "adapter_config.json",
                "adapter_model.safetensors",
            }
            again = load_adapter(base_model(kind), folder)
        assert torch.equal(moved, logits(again))
        switch(again, on=False)
        assert torch.equal(told, logits(again)), "switched off it is the base"


def other_base():
    model = prepare_model(base_model(), config := AdapterConfig(size=4))
    with tempfile.TemporaryDirectory() as folder:
        save_adapter(model, folder, config)
        for wrong in (base_model("qwen3"), base_model(num_hidden_layers=3), base_model(hidden_size=64)):
            assert refused("adapter-of-another-model", lambda wrong=wrong: load_adapter(wrong, folder))
        file = Path(folder) / "adapter_model.safetensors"
        file.write_bytes(file.read_bytes()[:-9])
        assert refused("adapter-damaged", lambda: load_adapter(base_model(), folder))
        (Path(folder) / "adapter_config.json").unlink()
        assert refused("adapter-damaged", lambda: load_adapter(base_model(), folder))


def lisa():
    config = LisaConfig(layers=2, interval=3, seed=1)
    draws = [drawn(config, 10, step) for step in range(0, 3 * 4000, 3)]
    seen = Counter(layer for draw in draws for layer in draw)
    assert all(len(draw) == 2 for draw in draws)
    assert all(abs(seen[layer] / 4000 - 0.2) < 0.02 for layer in range(10)), "each with probability gamma / layers"
    assert [drawn(config, 10, step) for step in (3, 4, 5)] == [drawn(config, 10, 3)] * 3
    assert drawn(config, 10, 3) != drawn(LisaConfig(layers=2, interval=3, seed=2), 10, 3)

    model = prepare_model(base_model(), LisaConfig(layers=1, interval=2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    sleep, layers = Sleep(model, LisaConfig(layers=1, interval=2)), layers_of(model)
    outside = set(model.parameters()) - set(layers.parameters())
    seen = set()
    for step in range(12):
        awake = sleep.wake(step, optimizer)
        seen |= awake
        before = [[weight.detach().clone() for weight in layer.parameters()] for layer in layers]
        model.train()(ROWS, labels=ROWS, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        moved = {
            place
            for place, layer in enumerate(layers)
            if any(not torch.equal(*pair) for pair in zip(layer.parameters(), before[place], strict=True))
        }
        assert moved == awake, "what sleeps does not move"
        inside = {weight for place in awake for weight in layers[place].parameters()}
        assert set(optimizer.state) == outside | inside, "states of what is awake, and no others"
    assert len(seen) > 1
    assert refused("too-few-layers", lambda: prepare_model(base_model(), LisaConfig(layers=5)))


def llama_pro(kind):
    base = base_model(kind)
    told, numbers = logits(base), [sum(weight.numel() for weight in layer.parameters()) for layer in layers_of(base)]
    model = prepare_model(base, LlamaProConfig(blocks=2))
    assert torch.equal(told, logits(model)), "starts as the base"
    assert model.config.num_hidden_layers == len(layers_of(model)) == 6
    assert count(model) == numbers[1] + numbers[3]
    assert learn(model) <= trained(model)
    new = [place for place, layer in enumerate(layers_of(model)) if any(w.requires_grad for w in layer.parameters())]
    assert new == [2, 5]
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        plain = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert torch.equal(logits(plain), logits(model)), "plain transformers loads it"
    ids = ROWS[:, :6]
    answers = [each.generate(ids, max_new_tokens=5, do_sample=False) for each in (plain, model)]
    assert torch.equal(*answers), "with a cache, whose places are those of the layers"


def grown_kinds():
    base = base_model("gemma2")
    kinds = list(base.config.layer_types)
    prepare_model(base, LlamaProConfig(blocks=2))
    assert base.config.layer_types == [kinds[place] for place in (0, 1, 1, 2, 3, 3)]
    assert [place for place, new in places(32, 8) if new] == [3, 7, 11, 15, 19, 23, 27, 31]
    assert [place for place, new in places(30, 4) if new] == [6, 14, 21, 29]
    sparse = base_model("qwen3_moe", mlp_only_layers=[3])
    assert refused("model-not-grown", lambda: prepare_model(sparse, LlamaProConfig(blocks=2)))
    assert refused("too-few-layers", lambda: prepare_model(base_model(), LlamaProConfig(blocks=5)))


def halves():
    """A model that comes in 16 bits: what is trained is held in 32, and the loss of both is finite under autocast."""
    for config in (None, FreezeConfig(layers=1), LlamaProConfig(blocks=1), AdapterConfig(size=4)):
        model = prepare_model(base_model().bfloat16(), config)
        hold_fully(model)
        numbers = {weight.dtype for weight in model.parameters() if weight.requires_grad}
        assert numbers == {torch.float32}, config
        kept = {weight.dtype for weight in model.parameters() if not weight.requires_grad}
        assert kept <= {torch.bfloat16}, config
        with torch.autocast("cpu", torch.bfloat16):
            loss = model.train()(ROWS, labels=ROWS, use_cache=False).loss
        loss.backward()
        assert torch.isfinite(loss), config


CHECKS = {
    "freezing": freezing,
    "other-base": other_base,
    "lisa": lisa,
    "grown-kinds": grown_kinds,
    "halves": halves,
    **{f"bottleneck-{kind}": (lambda kind=kind: bottleneck(kind)) for kind in ("llama", "gemma2", "gpt2", "qwen3_moe")},
    **{f"llama-pro-{kind}": (lambda kind=kind: llama_pro(kind)) for kind in MODELS},
}

if __name__ == "__main__":
    told, sys.stdout = sys.stdout, sys.stderr
    for name, check in CHECKS.items():
        try:
            check()
            fault = ""
        except Exception:
            fault = traceback.format_exc()
        print(json.dumps({"name": name, "fault": fault}), file=told, flush=True)
