"""One training step as the memory law sees it: everything that decides its bytes, and nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from wizard.contract import Architecture

BITS = ("nf4", "nf4-dq", "int8", "int4", "gptq", "fp8")  # bases that are held in less than they compute in
# Sequences of one row that go through the model at once: a better answer with a worse one; a text, one near, one far.
# KTO's mismatched answer goes alone, and is not learnt from.
SEQUENCES = {"dpo": 2, "orpo": 2, "reward": 2, "embedding": 3}
REFERRED = ("dpo", "kto", "rloo")  # what is learnt is measured against the model as it was
GENERATING = ("grpo", "rloo", "distil")  # it learns from answers that it makes itself
SCORED = ("classification", "reward", "embedding", "reranker")  # a number or a vector of each text: no logits of words
BESIDE = ("adalora", "boft", "ia3", "miss", "oft", "vera")  # beside linear layers; LoRA and DoRA need no name
BLOCKS = ("freeze", "llama-pro")  # some blocks of the whole model learn, and nothing before the first of them
OPTIMIZERS = (
    "adamw",
    "adamw_bf16",
    "adamw_8bit",
    "paged_adamw",
    "paged_adamw_8bit",
    "adafactor",
    "apollo_adamw",
    "galore_adamw",
    "lion",
    "lion_8bit",
    "lisa",
    "muon",
    "sgd",
    "sgd_momentum",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is trained, of which numbers it is made, on how many tokens, on how many cards."""

    architecture: Architecture
    params: int  # of the whole model, towers included
    base: str = "bf16"  # bf16 fp16 fp32, or one of BITS
    mixed: bool = False  # autocast to a 16-bit type
    trains_all: bool = False  # full fine-tuning; else an adapter
    adapter_bytes: int = 4
    tuner: str = ""  # of BESIDE or BLOCKS, pfeiffer, houlsby, or none: LoRA, DoRA, all weights
    rank: int = 16  # or the block of OFT and BOFT, or the width of a bottleneck
    awake: int = 0  # layers that learn where not all do: of BLOCKS, and of LISA at a time
    targets: frozenset[str] = frozenset({"all-linear"})
    dora: bool = False
    lora_dropout: float = 0.0  # of what goes into an adapter
    kbit_prepare: bool = False  # peft's prepare_model_for_kbit_training: embeddings, norms and head in fp32
    optimizer: str = "adamw"  # one of OPTIMIZERS
    projected: int = 0  # the rank of GaLore's or APOLLO's projections; 0: as in their papers
    accumulates: bool = False  # gradients of earlier micro-batches are there from the start
    in_backward: bool = False  # each weight is stepped as soon as its gradient is there
    foreach: bool = False  # torch's multi-tensor AdamW: a copy of what it steps
    micro_batch: int = 1
    seq_len: int = 1024
    checkpointing: bool = True
    attention: str = "sdpa"  # flash sdpa eager
    fused_loss: bool = True
    compiled: bool = False
    float8: bool = False  # linear layers of the decoder multiply in 8 bits; what is held stays as it is
    offload_activations: bool = False  # what layers keep for their backward waits in RAM
    zero: int = 0
    cards: int = 1
    offload: bool = False  # ZeRO: optimizer states (and with stage 3 the weights) in RAM
    weights_stay: bool = False  # on the card, where only the optimizer is offloaded
    fsdp: bool = False  # split up as by ZeRO 3, but gathered a layer at a time
    task: str = "sft"  # sft cpt kto infer, or one of SEQUENCES, GENERATING or SCORED
    teacher_params: int = 0  # of a larger model that is asked beside
    blind: bool = False  # the tower learns nothing
    images: int = 0  # of the model's default size, in one micro-batch
    rounds: int = 1  # of GENERATING: micro-batches whose answers are generated together
    colocated_bytes: int = 0  # of a server on the same card, as of vLLM that generates for GRPO
    cpu: bool = False  # a processor's own memory: no context, no tiles
    context_bytes: int = 0  # of the card's driver and libraries; 0: the usual

    @property
    def rows(self) -> int:
        """Sequences that go through the model at once."""
        return self.micro_batch * SEQUENCES.get(self.task, 1)

    @property
    def tokens(self) -> int:
        return self.rows * self.seq_len

    @property
    def squares(self) -> int:
        return self.rows * self.seq_len**2


ADDED = (
    "lora_dropout", "tuner", "awake", "projected", "teacher_params", "blind", "weights_stay", "fsdp", "float8",
    "offload_activations",
)  # fmt: skip


def digest_of(step: Step) -> str:
    """The same for every step that takes the same bytes on the same kind of device; the context is the board's."""
    told = asdict(step) | {"context_bytes": 0, "targets": sorted(step.targets)}
    told["architecture"] = {**told["architecture"], "family": ""}
    for name in ADDED:  # as if there were no such setting: what was kept before it came stays good
        if not told[name]:
            del told[name]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]
