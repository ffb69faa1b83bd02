"""The state of every source of random numbers that a training draws from, so that what comes between draws nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def drawn() -> Any:
    card = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), card


def draw_from(state: Any) -> None:
    python, numpy, cpu, card = state
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(cpu)
    if card is not None:
        torch.cuda.set_rng_state(card)


@contextmanager
def untouched() -> Iterator[None]:
    state = drawn()
    try:
        yield
    finally:
        draw_from(state)
