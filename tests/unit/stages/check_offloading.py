"""How many inputs of layers are on the card at a time while TRL offloads activations, with streams that do nothing and
RAM for a card: `check_offloading.py told.json`."""

import json
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from trl.models import activation_offloading

LAYERS, WIDTH, TOKENS = 8, 64, 32

torch.cpu.Stream.synchronize = torch.cpu.empty_cache = torch.Tensor.record_stream = lambda *_: None  # type: ignore
torch.cpu.Stream.record_event = lambda self: torch.cpu.Event()  # type: ignore
torch.accelerator.current_accelerator = lambda *_: torch.device("cpu")  # type: ignore

config = LlamaConfig(
    hidden_size=WIDTH, num_hidden_layers=LAYERS, intermediate_size=128, num_attention_heads=4, vocab_size=128
)
model = LlamaForCausalLM(config).train()
model.gradient_checkpointing_enable({"use_reentrant": False})
manager = activation_offloading.get_act_offloading_ctx_manager(model, use_pin_memory=False)
forward, backward = [0], [0]
pack, unpack = manager.pack_hook, manager.unpack_hook


def inputs(tensors):
    return sum(each.numel() == TOKENS * WIDTH for each in tensors)


def packed(tensor):
    found = pack(tensor)
    forward.append(inputs(each for each, _ in manager.fwd_stash.values()))
    return found


def unpacked(found):
    tensor = unpack(found)
    waiting = [each for each, _ in manager.fwd_stash.values()]
    backward.append(inputs([*manager.bwd_tensor_stash.values(), *waiting]))
    return tensor


manager.pack_hook, manager.unpack_hook = packed, unpacked
ids = torch.randint(0, 128, (1, TOKENS))
with manager:
    loss = model(input_ids=ids, labels=ids).loss
loss.backward()
Path(sys.argv[1]).write_text(json.dumps({"forward": max(forward), "end": forward[-1], "backward": max(backward)}))
