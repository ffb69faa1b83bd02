"""The memory law of one training step: what is live at each moment; the peak is the largest moment, never a sum.

The moments and the sizes of what is live in them are those seen by tracking storage under the real modelling code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wizard.contract import Board, Knobs, Method, Model, Term
from wizard.fit.shape import adapter_params, block_params, linears, targeted

GIB = 1024**3
CUDA_CONTEXT = int(0.6 * GIB)  # where the board's own figure is not known
CPU_PROGRAM = int(1.1 * GIB)  # interpreter, torch, transformers, peft and trl, loaded
TILE_TOKENS, TILE_VOCAB = 4096, 8192  # the fused head works on tiles of this size


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    model: Model
    method: Method
    knobs: Knobs
    device: str  # cpu cuda
    board: Board | None = None
    compute_bytes: int = 2  # of one activation: bf16 on cards, fp32 on most CPUs

    @property
    def tokens(self) -> int:
        return self.knobs.micro_batch * self.knobs.seq_len

    @property
    def half(self) -> bool:
        return self.compute_bytes == 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    moment: str
    terms: tuple[Term, ...]  # with fragmentation and context they sum to card_bytes
    peak_bytes: int
    reserved_bytes: int
    card_bytes: int
    safe_bytes: int


def peak(case: Case) -> Peak:
    parts = {name: maker(case) for name, maker in PARTS.items()}
    live = {moment: [parts[name] for name in names] for moment, names in moments(case).items()}
    moment = max(live, key=lambda name: sum(term.bytes for term in live[name]))
    terms = [term for term in live[moment] if term.bytes]
    top = sum(term.bytes for term in terms)
    loose = _fragmentation(case, top, parts["weights"].bytes)
    context = _context(case)
    card = top + loose.bytes + context.bytes
    return Peak(
        moment=moment,
        terms=(*terms, loose, context),
        peak_bytes=top,
        reserved_bytes=top + loose.bytes,
        card_bytes=card,
        safe_bytes=card + (card - context.bytes) * 6 // 100,
    )


def moments(case: Case) -> Mapping[str, tuple[str, ...]]:
    """What is live when; adapter, weights and (from the second step on) optimizer states always are."""
    held = ("weights", "adapter", "optimizer")
    kept = (*held, "checkpoints", "activations")
    return {
        "forward": (*kept, "logits"),
        "loss": (*kept, "loss"),
        "layer": (*kept, "layer", "gradients"),
        "backward": (*held, "gradients", "hidden"),
        "step": (*held, "gradients", "copies"),
    }


def weights(case: Case) -> Term:
    params, size = case.model.params, case.compute_bytes
    if case.method.quantisation != "nf4":
        return Term(label="weights", bytes=params * size, formula=f"{params:,} x {size}")
    packed = block_params(case.model.architecture)
    total = int(packed * case.method.base_bytes) + (params - packed) * size
    rest = params - packed
    return Term(label="weights", bytes=total, formula=f"{packed:,} x {case.method.base_bytes} + {rest:,} x {size}")


def trained(case: Case) -> int:
    return adapter_params(case.model.architecture, case.knobs.targets, case.knobs.rank, dora=case.method.dora)


def _per_trained(label: str, case: Case, size: float) -> Term:
    return Term(label=label, bytes=int(trained(case) * size), formula=f"{trained(case):,} x {size:g}")


def adapter(case: Case) -> Term:
    return _per_trained("adapter", case, case.method.gradient_bytes)


def gradients(case: Case) -> Term:
    return _per_trained("gradients", case, case.method.gradient_bytes)


def optimizer(case: Case) -> Term:
    size = case.method.optimizer_bytes
    return _per_trained("optimizer", case, size / 4 if "8bit" in case.knobs.optimizer else size)


def copies(case: Case) -> Term:
    """torch's foreach AdamW holds one more copy of what it trains during the step; the fused one does not."""
    return _per_trained("copies", case, case.method.gradient_bytes if case.knobs.optimizer == "adamw_torch" else 0)


def checkpoints(case: Case) -> Term:
    a, size = case.model.architecture, case.compute_bytes
    count = a.layers if case.knobs.grad_ckpt else 0
    formula = f"{count} layers x {case.tokens} tokens x {a.hidden} x {size}"
    return Term(label="checkpoints", bytes=count * case.tokens * a.hidden * size, formula=formula)


def activations(case: Case) -> Term:
    layers = 0 if case.knobs.grad_ckpt else case.model.architecture.layers
    each = saved_per_token(case)
    formula = f"{layers} layers x {case.tokens} tokens x {each:,}"
    return Term(label="activations", bytes=layers * case.tokens * each, formula=formula)


def saved_per_token(case: Case) -> int:
    """Bytes one layer saves for its backward, per token."""
    a, size = case.model.architecture, case.compute_bytes
    norms = 2 * (4 + 2 * size) * a.hidden
    heads = (3 * a.heads + 3 * a.kv_heads) * a.head_dim * size
    mlp = 4 * a.intermediate * size
    return norms + heads + mlp + 2 * a.hidden * size + adapter_saved_per_token(case)


def adapter_saved_per_token(case: Case) -> int:
    """An adapter keeps a copy of each target's input in its own dtype; DoRA keeps both of its outputs too."""
    targets = targeted(case.model.architecture, case.knobs.targets)
    inputs = sum(t.wide_in for t in targets) * 2 if case.half else 0
    outputs = 2 * sum(t.wide_out for t in targets) * case.compute_bytes if case.method.dora else 0
    return inputs + outputs


def layer(case: Case) -> Term:
    """Backward through one layer: what it saves when recomputed, the MLP's gradients, weights built for a moment."""
    a, size = case.model.architecture, case.compute_bytes
    again = saved_per_token(case) if case.knobs.grad_ckpt else 0
    each = again + (4 * a.intermediate + 2 * a.hidden) * size
    largest = max(linear.size for linear in linears(a))
    built = largest * (size * (case.method.quantisation == "nf4") + 8 * case.method.dora)
    formula = f"{case.tokens} tokens x {each:,}" + (f" + {built:,}" if built else "")
    return Term(label="layer", bytes=case.tokens * each + built, formula=formula)


def hidden(case: Case) -> Term:
    a, size = case.model.architecture, case.compute_bytes
    return Term(
        label="hidden", bytes=case.tokens * a.hidden * size, formula=f"{case.tokens} tokens x {a.hidden} x {size}"
    )


def logits(case: Case) -> Term:
    """End of forward: logits as computed, their fp32 copy, their log-softmax."""
    return _over_vocabulary("logits", case, case.compute_bytes + 8)


def loss(case: Case) -> Term:
    """Backward of the loss: three fp32 copies of the logits."""
    return _over_vocabulary("loss", case, 12)


def _over_vocabulary(label: str, case: Case, size: int) -> Term:
    a, tokens = case.model.architecture, case.tokens
    if not case.knobs.fused_loss:
        return Term(label=label, bytes=tokens * a.vocab * size, formula=f"{tokens} tokens x {a.vocab} x {size}")
    rows, columns = min(tokens, TILE_TOKENS), min(a.vocab, TILE_VOCAB)
    each = case.compute_bytes if case.half else 3 * case.compute_bytes
    back = 4 + case.compute_bytes
    formula = f"{rows} x {columns} x {each} + {tokens} tokens x {a.hidden} x {back}"
    return Term(label=label, bytes=rows * columns * each + tokens * a.hidden * back, formula=formula)


def _fragmentation(case: Case, top: int, fixed: int) -> Term:
    share = 6 if case.device == "cuda" else 10
    moving = top - fixed
    amount = moving * share // 100 + fixed // 100
    return Term(label="fragmentation", bytes=amount, formula=f"{moving:,} x {share} % + {fixed:,} x 1 %")


def _context(case: Case) -> Term:
    if case.device == "cpu":
        return Term(label="program", bytes=CPU_PROGRAM, formula=f"{CPU_PROGRAM:,}")
    amount = (case.board.overhead_bytes if case.board else 0) or CUDA_CONTEXT
    return Term(label="context", bytes=amount, formula=f"{amount:,}")


PARTS = {
    part.__name__: part
    for part in (
        weights,
        adapter,
        optimizer,
        gradients,
        copies,
        checkpoints,
        activations,
        layer,
        hidden,
        logits,
        loss,
    )
}
