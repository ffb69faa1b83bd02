"""A stage's metrics folded into a curve of bounded size."""

from __future__ import annotations

from typing import Any

from wizard.contract import Metric
from wizard.journal.lines import Event

LIMIT = 2000


class Curve:
    """Keeps the last line of every bucket of steps; buckets widen as the curve grows.

    Training that was resumed goes back to its checkpoint: the steps from there on are forgotten until they come again,
    so the last line of a step wins. What is kept depends on the lines alone, not on how they were cut into polls.
    """

    def __init__(self) -> None:
        self._stride = 1
        self._buckets: dict[int, Event] = {}
        self._minima: list[tuple[int, float]] = []
        self._top = -1
        self._metrics: dict[int, Metric] = {}  # of buckets, made when they are first looked at
        self._series: tuple[Metric, ...] | None = ()

    def __bool__(self) -> bool:
        return bool(self._buckets)

    @property
    def last(self) -> Metric | None:
        return self._metric(self._top // self._stride) if self._buckets else None

    @property
    def best_loss(self) -> float | None:
        return self._minima[-1][1] if self._minima else None

    @property
    def series(self) -> tuple[Metric, ...]:
        if self._series is None:
            self._series = tuple(self._metric(bucket) for bucket in self._buckets)
        return self._series

    def _metric(self, bucket: int) -> Metric:
        if bucket not in self._metrics:
            self._metrics[bucket] = _metric(self._buckets[bucket])
        return self._metrics[bucket]

    def add(self, line: Event) -> None:
        step, values = line.get("step"), line.get("values")
        if type(step) is not int or step < 0 or type(values) is not dict:
            return
        if step <= self._top:
            if step == self._top:
                values = {**self._buckets[step // self._stride]["values"], **values}
                line = {**line, "values": values}
            self._rewind(step)
        self._top = step
        self._series = None
        bucket = step // self._stride
        self._buckets[bucket] = line
        self._metrics.pop(bucket, None)
        loss: Any = values.get("loss")
        if _number(loss) and (not self._minima or loss < self._minima[-1][1]):
            self._minima.append((step, float(loss)))
        if len(self._buckets) > LIMIT:
            self._widen()

    def _rewind(self, step: int) -> None:
        bucket = step // self._stride
        while self._buckets and next(reversed(self._buckets)) > bucket:
            self._buckets.popitem()
        while self._minima and self._minima[-1][0] >= step:
            self._minima.pop()

    def _widen(self) -> None:
        self._stride *= 2
        self._metrics.clear()
        self._buckets = {key // 2: line for key, line in self._buckets.items()}


def _metric(line: Event) -> Metric:
    values = {key: float(value) for key, value in line["values"].items() if _number(value)}
    at: Any = line.get("at")
    total = line.get("total")
    return Metric(
        step=line["step"],
        total=total if type(total) is int else 0,
        values=values,
        at=float(at) if _number(at) else 0.0,
    )


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
