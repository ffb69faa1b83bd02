"""Results from what was found row by row: means with their standard errors, and what became of them since the base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from wizard.contract import Result
from wizard.contract.results import Direction

if TYPE_CHECKING:
    from wizard.stages.evaluating.losses import Loss

Settings = Mapping[str, Any]


def mean_of(
    subject: str,
    measure: str,
    values: Sequence[float],
    base: Sequence[float] | None,
    settings: Settings,
    direction: Direction = "up",
) -> Result:
    """`values`: one a row. `base`: the base's of the same rows, of another subject."""
    steps = [after - before for before, after in zip(base, values, strict=True)] if base else []
    return Result(
        subject=subject,
        measure=measure,
        value=fmean(values),
        n=len(values),
        direction=direction,
        source="own",
        stderr=error_of(values),
        gain=fmean(steps) if steps else None,
        gain_stderr=error_of(steps),
        settings=settings,
    )


def error_of(values: Sequence[float]) -> float | None:
    return stdev(values) / sqrt(len(values)) if len(values) > 1 else None


def losses_of(
    subject: str, found: Sequence[Loss], base: Sequence[Loss] | None, source: str, settings: Settings
) -> list[Result]:
    """Loss in nats a token, and perplexity, which is its exponential; errors of the latter by the delta method."""
    from wizard.stages.evaluating import losses

    loss, error = losses.mean(found), losses.stderr(found)
    step, step_error = losses.moved(base, found) if base else (None, None)
    height = losses.perplexity(loss)
    rise = height - losses.perplexity(losses.mean(base)) if base else None
    steep = abs(rise / step) if rise is not None and step else height
    told: dict[str, Any] = {"subject": subject, "n": len(found), "direction": "down", "source": source}
    told["settings"] = {**settings, "tokens": sum(each.tokens for each in found)}
    return [
        Result(measure="loss", value=loss, stderr=error, gain=step, gain_stderr=step_error, **told),
        Result(
            measure="perplexity",
            value=height,
            stderr=times(error, height),
            gain=rise,
            gain_stderr=times(step_error, steep),
            **told,
        ),
    ]


def times(error: float | None, by: float) -> float | None:
    return None if error is None else error * by


def corpus(subject: str, measure: str, value: float, n: int, settings: Settings) -> Result:
    """Of all rows together: what chance makes of it is not known."""
    return Result(subject=subject, measure=measure, value=value, n=n, direction="up", source="own", settings=settings)
