"""A term with its formula in words, for the people who are shown it."""

from __future__ import annotations

from wizard.contract import Term
from wizard.fit.memory import held
from wizard.fit.memory.step import Step
from wizard.fit.recording.tape import TILE_TOKENS, Size

# Of what is fixed and not counted by `_held`: bytes of one number, and what the numbers are.
FIXED = {
    "casts": (2, "16-bit copies of what is trained"),
    "dora": (2, "the adapted weight, its change and their sum"),
    "dequantised": (2, "the largest weight in 16 bits"),
    "adapted": (2, "experts of a layer with their change added"),
    "gathered": (2, "weights gathered until their next use"),
    "buckets": (2, "gradients exchanged at a time"),
    "copies": (2, "the optimizer's copy of what it steps"),
    "hidden": (2, "the embedding's gradient"),
    "reference": (2, "the model once more"),
    "pictures": (2, "what the tower keeps"),
    "graphs": (1, "recorded kernels, as others saw them"),
    "colocated": (1, "as asked for"),
    "context": (1, "the driver's and its libraries' own"),
    "program": (1, "interpreter and libraries"),
}


def fixed(label: str, size: int) -> str:
    each, words = FIXED.get(label, (1, ""))
    number = f"{size:,}" if each == 1 or size % each else f"{size // each:,} x {each}"
    return f"{number} ({words})" if words else number


def term(label: str, size: Size, step: Step) -> Term:
    total = size.at(step.tokens, step.squares)
    told = "" if size.token or size.square or size.tile else _held(label, total, step) or fixed(label, total)
    return Term(label=label, bytes=total, formula=told or _form(size, step))


def _form(size: Size, step: Step) -> str:
    parts = []
    if size.token:
        parts.append(f"{step.tokens:,} tokens x {size.token:,}")
    if size.square:
        parts.append(f"{step.squares // step.seq_len**2} x {step.seq_len:,}² x {size.square:,}")
    if size.tile:
        parts.append(f"{min(step.tokens, TILE_TOKENS):,} tokens x {size.tile:,}")
    if size.fixed:
        parts.append(f"{size.fixed:,}")
    return " + ".join(parts)


def _held(label: str, total: int, step: Step) -> str:
    """Of what does not grow with the tokens: how many numbers there are, and what each takes."""
    base = "bf16" if step.base == "fp32" and held.halved(step) else step.base
    cards = f" / {step.cards} cards" if step.zero and step.cards > 1 else ""
    if label == "weights" and not (step.zero == 3 and cards):
        return f"{step.params:,} parameters x {total / step.params:.3g} ({base})"
    if label == "weights":
        return f"{step.params:,} parameters x {total * step.cards / step.params:.3g} ({base}){cards}"
    count = held.trained(step)
    if label in ("adapter", "optimizer", "gradients") and count:
        copied = "an fp32 copy, " if step.zero and step.mixed else ""
        name = f" ({copied}{step.optimizer})" if label == "optimizer" else ""
        shared = cards if label == "optimizer" or step.zero == 3 or (label == "gradients" and step.zero == 2) else ""
        each = total * (step.cards if shared else 1) / count
        return f"{count:,} trained x {each:.3g}{name}{shared}"
    return ""
