"""Detectors on series as trainings have them, and as they have them when something is wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

import pytest

from wizard.stages.watching.detectors import Exploding, NotFinite, Nothing, Plateau, Starving, detectors
from wizard.stages.watching.pulse import Beat, hang_of, patience
from wizard.stages.watching.seen import Finding, Seen

NAN = math.nan


def healthy(steps: int = 300, seed: int = 0) -> list[Seen]:
    """A loss that falls as they do, with the noise of small batches, and norms that fall and spike now and then."""
    chance = random.Random(seed)
    return [
        Seen(
            step=step,
            loss=0.8 + 2.5 * math.exp(-step / 120) + chance.gauss(0, 0.05),
            grad_norm=(0.5 + 3 / (1 + step / 10)) * math.exp(chance.gauss(0, 0.4)) * (12 if step % 97 == 0 else 1),
            seconds=0.5,
            waited=0.01,
        )
        for step in range(1, steps + 1)
    ]


def found(detector: object, series: Iterable[Seen]) -> list[tuple[int, Finding]]:
    return [(seen.step, told) for seen in series if (told := detector.see(seen))]  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(20))
def test_a_healthy_training_is_left_alone(seed: int) -> None:
    for detector in detectors(fp16=False):
        assert found(detector, healthy(seed=seed)) == []


@pytest.mark.parametrize("bad", [{"loss": NAN}, {"loss": math.inf}, {"loss": 1.0, "grad_norm": NAN}])
def test_what_is_no_number_is_found_at_once(bad: dict[str, float]) -> None:
    series = [*healthy(9), Seen(step=10, **bad)]
    assert found(NotFinite(), series) == [(10, Finding(code="loss-not-finite", since=10, stops=True))]


def test_fp16_looks_for_its_scale_and_is_given_time_for_it() -> None:
    overflown = [Seen(step=step, loss=3.0, grad_norm=math.inf) for step in range(1, 40)]
    assert found(NotFinite(fp16=True), [*overflown[:15], *healthy(5), *overflown[:15]]) == []
    assert found(NotFinite(fp16=True), overflown)[0] == (20, Finding(code="loss-not-finite", since=1, stops=True))
    assert found(NotFinite(fp16=True), [Seen(step=1, loss=NAN, grad_norm=1.0)])


def test_a_loss_of_exactly_zero_is_found_and_a_reward_s_is_not() -> None:
    zero = [Seen(step=step, loss=0.0, grad_norm=0.0) for step in range(1, 9)]
    (step, told), *_ = found(Nothing(), zero)
    assert (step, told.code, told.since) == (5, "loss-zero", 1)
    assert found(Nothing(), [Seen(step=step, loss=0.0, grad_norm=0.0, reward=0.5) for step in range(1, 9)]) == []
    assert found(Nothing(), [Seen(step=step, loss=0.0, grad_norm=0.1) for step in range(1, 9)]) == []


def test_exploding_gradients_are_found_within_three_steps_and_dated_back() -> None:
    wild = [Seen(step=200 + step, loss=3.0 + step, grad_norm=80.0 * 3**step) for step in range(1, 6)]
    (step, told), *_ = found(Exploding(), [*healthy(200), *wild])
    assert (step, told.code, told.since, told.stops) == (203, "norm-exploded", 201, True)
    assert told.params["norm"] > 10 * told.params["usual"]


def test_a_spike_that_is_clipped_away_is_no_explosion() -> None:
    spikes = [Seen(step=200 + step, loss=1.0, grad_norm=500.0) for step in range(1, 6)]  # the loss does not care
    assert found(Exploding(), [*healthy(200), *spikes]) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_plateau_of_a_hundred_steps_is_told_once_and_again_after_it_was_left(seed: int) -> None:
    chance = random.Random(seed)
    flat = [Seen(step=300 + step, loss=1.2 + chance.gauss(0, 0.05)) for step in range(1, 200)]
    told = found(Plateau(), [*healthy(300, seed), *flat])
    assert len(told) >= 1
    assert 300 < told[0][0] <= 440
    assert told[0][1].params == {"steps": 100}


def test_a_reward_that_rises_is_no_plateau_whatever_the_loss_does() -> None:
    rising = [Seen(step=step, loss=0.0, grad_norm=1.0, reward=step / 300) for step in range(1, 300)]
    assert found(Plateau(), rising) == []


def test_waiting_for_rows_longer_than_learning_from_them_is_told_once() -> None:
    slow = [Seen(step=step, loss=1.0, seconds=0.4, waited=0.6) for step in range(1, 200)]
    (step, told), *more = found(Starving(), slow)
    assert (step, told.params["percent"], more) == (50, 60, [])


def beat(card: int, phase: str, step: int, since: float, at: float = 9999.0) -> Beat:
    return Beat(card=card, phase=phase, step=step, since=since, at=at)


def test_the_card_that_the_others_wait_for_is_named() -> None:
    waits = [beat(0, "step", 7, 100.0), beat(1, "rows", 7, 90.0), beat(2, "step", 7, 101.0)]
    hang = hang_of(waits, 10_000.0)
    assert hang is not None
    assert (hang.card, hang.phase, hang.step) == (1, "rows", 7)


def test_a_card_that_tells_nothing_any_more_is_the_one() -> None:
    hang = hang_of([beat(0, "rows", 7, 100.0), beat(1, "step", 7, 90.0, at=91.0)], 10_000.0)
    assert hang is not None
    assert hang.card == 1


def test_nobody_hangs_as_long_as_one_moves_or_steps_are_that_long() -> None:
    assert hang_of([beat(0, "step", 7, 9990.0), beat(1, "step", 7, 90.0)], 10_000.0) is None
    long = Beat(card=0, phase="step", step=3, since=0.0, at=9999.0, slowest=400.0)
    assert patience(long) == 12_000.0
    assert hang_of([long], 10_000.0) is None
    assert hang_of([], 10_000.0) is None
