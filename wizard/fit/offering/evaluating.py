"""What an evaluation takes: each subject is loaded, weighs rows and general text, and answers some. Benchmarks come on
top: how long their answers are only the model knows."""

from __future__ import annotations

from wizard.contract import EVALUATED, Model
from wizard.fit.memory.law import CPU_PROGRAM, CUDA_CONTEXT
from wizard.fit.offering.flops import flops_per_token
from wizard.fit.offering.merging import START_SECONDS

GENERAL_TOKENS = 3000  # of the text that lies beside the stage, by tokenizers of today
ANSWER_TOKENS = {"cpu": 96, "cuda": 512}  # as the stage has them
TOGETHER = 8  # answers
LOGITS = 8  # bytes for each place and word: as the model says them, and in fp32
RAM_BYTES_PER_SECOND, CARD_BYTES_PER_SECOND = 12e9, 5e11


def seconds(model: Model, device: str, subjects: int, row_tokens: int, flops: float) -> float:
    """`flops`: a second, of the card or the CPU. To make a token of each answer all weights are read once."""
    rows, answers = EVALUATED[device]
    read = rows * row_tokens + GENERAL_TOKENS
    reading = read * flops_per_token(model.architecture, row_tokens) / flops
    passes = -(-answers // TOGETHER) * min(ANSWER_TOKENS[device], row_tokens)
    weights = model.params * (2 if device == "cuda" else 4)
    writing = passes * weights / (CARD_BYTES_PER_SECOND if device == "cuda" else RAM_BYTES_PER_SECOND)
    moving = model.params * 2 / (1e9 if device == "cuda" else 0.5e9)
    return START_SECONDS + subjects * (reading + writing + moving)


def held_bytes(model: Model, device: str, row_tokens: int, halves: bool) -> int:
    """One subject at a time, with the logits of one row."""
    weights = model.params * (2 if device == "cuda" or halves else 4)
    more = CUDA_CONTEXT if device == "cuda" else CPU_PROGRAM
    return weights + row_tokens * model.architecture.vocab * LOGITS + more
