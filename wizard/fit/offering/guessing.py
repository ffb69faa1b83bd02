"""What a smaller model that guesses takes beside the one that is served: its weights, and keys and values of its own
for every token of a conversation. It is shared out over the same cards (vLLM 0.32, config/speculative.py)."""

from __future__ import annotations

from dataclasses import replace

from wizard.contract import Engine, Model, Term
from wizard.fit.memory import engine
from wizard.fit.memory.step import Step

NUMBER = 2  # bytes: its weights are never quantised


def knows(server: Engine) -> bool:
    """Whether it checks the guesses of another model."""
    return "draft" in server.options


def of(step: Step, draft: Model) -> Step:
    """The served model's step with the guesser in its place."""
    return replace(step, architecture=draft.architecture, params=draft.params, base="bf16")


def term(step: Step, draft: Model) -> Term:
    """`step`: of the model that is served; bytes on each card."""
    weights, cache = draft.params * NUMBER // step.cards, engine.of_sequence(of(step, draft)) * step.micro_batch
    parted = f" / {step.cards}" if step.cards > 1 else ""
    each = f"{step.micro_batch} x {step.seq_len:,} tokens x {cache // (step.micro_batch * step.seq_len):,}"
    said = f"{draft.params:,} parameters x {NUMBER}{parted} + {each}"
    return Term(label="draft", bytes=weights + cache, formula=said)
