"""One detector for each thing that goes wrong: `see` a step, return what was found.

Spikes and divergence: Chowdhery et al., PaLM, 2022, 5.1; Zhang et al., OPT, 2022, 2.5, which lowers the learning rate
and goes back to a checkpoint.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import fmean, median
from typing import Protocol

from wizard.stages.watching.seen import Finding, Seen


class Detector(Protocol):
    def see(self, seen: Seen) -> Finding | None: ...


class NotFinite:
    """A loss, or the norm of its gradients, that is no number. fp16 looks for its scale by letting some norms overflow
    and leaving out those steps (torch.amp.GradScaler): only many in a row count there."""

    PATIENCE = 20  # from 65536 down to 1/16

    def __init__(self, fp16: bool = False) -> None:
        self.patience = self.PATIENCE if fp16 else 1
        self.overflown: list[int] = []

    def see(self, seen: Seen) -> Finding | None:
        norm = seen.grad_norm is None or math.isfinite(seen.grad_norm)
        self.overflown = [] if norm else [*self.overflown, seen.step]
        if math.isfinite(seen.loss) and len(self.overflown) < self.patience:
            return None
        return Finding(code="loss-not-finite", since=(self.overflown or [seen.step])[0], stops=True)


class Nothing:
    """A loss of exactly zero without a gradient: no token is learnt."""

    PATIENCE = 5

    def __init__(self) -> None:
        self.empty: list[int] = []

    def see(self, seen: Seen) -> Finding | None:
        nothing = seen.reward is None and seen.loss == 0.0 and not seen.grad_norm
        self.empty = [*self.empty, seen.step] if nothing else []
        if len(self.empty) < self.PATIENCE:
            return None
        return Finding(code="loss-zero", since=self.empty[0], stops=True, params={"steps": self.PATIENCE})


class Exploding:
    """A norm that is many times what it used to be, several steps in a row, and a loss that rises with it."""

    TIMES, LOSS_TIMES, IN_ROW, LEAST, WINDOW = 10.0, 1.5, 3, 20, 100

    def __init__(self) -> None:
        self.calm: deque[Seen] = deque(maxlen=self.WINDOW)
        self.wild: list[Seen] = []

    def see(self, seen: Seen) -> Finding | None:
        if seen.grad_norm is None or not self._is_wild(seen):
            self.calm.append(seen)
            self.wild = []
            return None
        self.wild.append(seen)
        if len(self.wild) < self.IN_ROW:
            return None
        usual = round(median(each.grad_norm or 0.0 for each in self.calm), 4)
        params = {"norm": round(seen.grad_norm, 4), "usual": usual}
        return Finding(code="norm-exploded", since=self.wild[0].step, stops=True, params=params)

    def _is_wild(self, seen: Seen) -> bool:
        if len(self.calm) < self.LEAST:
            return False
        large = (seen.grad_norm or 0.0) > self.TIMES * median(each.grad_norm or 0.0 for each in self.calm)
        usual = median(each.loss for each in self.calm)
        return large and (seen.reward is not None or seen.loss > usual + (self.LOSS_TIMES - 1) * abs(usual))


class Plateau:
    """The later half of a window is no better than the earlier one, as far as their noise lets one tell."""

    WINDOW = 100

    def __init__(self) -> None:
        self.values: deque[float] = deque(maxlen=self.WINDOW)
        self.told = False

    def see(self, seen: Seen) -> Finding | None:
        self.values.append(seen.loss if seen.reward is None else -seen.reward)
        if len(self.values) < self.WINDOW:
            return None
        values, half = list(self.values), self.WINDOW // 2
        earlier, later = values[:half], values[half:]
        noise = math.sqrt((variance(earlier) + variance(later)) / half)
        flat = fmean(earlier) - fmean(later) <= noise
        if flat == self.told:
            return None
        self.told = flat
        if not flat:
            return None
        return Finding(code="plateau", since=seen.step - self.WINDOW + 1, params={"steps": self.WINDOW})


class Starving:
    """More time goes into waiting for rows than into learning from them."""

    WINDOW, SHARE, LEAST_SECONDS = 50, 0.5, 0.05

    def __init__(self) -> None:
        self.steps: deque[Seen] = deque(maxlen=self.WINDOW)
        self.told = False

    def see(self, seen: Seen) -> Finding | None:
        self.steps.append(seen)
        if self.told or len(self.steps) < self.WINDOW:
            return None
        waited, worked = fmean(each.waited for each in self.steps), fmean(each.seconds for each in self.steps)
        if waited < self.LEAST_SECONDS or waited < self.SHARE * (waited + worked):
            return None
        self.told = True
        params = {"percent": round(100 * waited / (waited + worked)), "seconds": round(waited, 2)}
        return Finding(code="rows-late", since=seen.step - self.WINDOW + 1, params=params)


def variance(values: list[float]) -> float:
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def detectors(fp16: bool) -> list[Detector]:
    return [NotFinite(fp16), Nothing(), Exploding(), Plateau(), Starving()]
