"""What is said of two numbers: better, worse, or nothing that chance could not have made."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.contract import Result, turned, worsened


def result(subject: str, value: float, **more: Any) -> Result:
    told = {"measure": "acc", "n": 100, "direction": "up", "source": "arc-easy", **more}
    return Result(subject=subject, value=value, **told)


@pytest.mark.parametrize(
    ("before", "after", "direction", "said"),
    [
        (0.50, 0.70, "up", "better"),
        (0.70, 0.50, "up", "worse"),
        (0.50, 0.70, "down", "worse"),
        (0.50, 0.52, "up", "unsure"),
        (0.50, 0.50, "up", "same"),
    ],
)
def test_a_difference_counts_beyond_two_standard_errors(before: float, after: float, direction: Any, said: str) -> None:
    base, tuned = (
        result(name, value, stderr=0.05, direction=direction) for name, value in (("base", before), ("tuned", after))
    )
    assert turned(base, tuned) == said


def test_rows_that_were_paired_tell_more_than_two_means() -> None:
    base = result("base", 0.50, stderr=0.05)
    assert turned(base, result("tuned", 0.54, stderr=0.05)) == "unsure"
    assert turned(base, result("tuned", 0.54, stderr=0.05, gain=0.04, gain_stderr=0.01)) == "better"


@pytest.mark.parametrize(("n", "said"), [(2, "unsure"), (200, "worse")])
def test_a_few_rows_that_all_say_the_same_are_no_certainty(n: int, said: str) -> None:
    base, tuned = (result(name, value, n=n, stderr=0.0) for name, value in (("base", 1.0), ("tuned", 0.0)))
    assert turned(base, tuned) == said


def test_where_chance_is_not_known_nothing_is_claimed() -> None:
    assert turned(result("base", 0.1), result("tuned", 0.9)) == "unsure"


def test_general_ability_that_fell_is_told_and_ones_own_rows_never() -> None:
    results = [
        result("base", 0.60, stderr=0.02),
        result("tuned", 0.45, stderr=0.02),
        result("base", 0.60, stderr=0.02, source="own"),
        result("tuned", 0.45, stderr=0.02, source="own"),
        result("base", 0.60, stderr=0.02, source="gsm8k"),
        result("quantised", 0.59, stderr=0.02, source="gsm8k"),
    ]
    assert [(new.subject, new.source) for _, new in worsened(results)] == [("tuned", "arc-easy")]


@pytest.mark.parametrize(("after", "told"), [(20.6, 0), (23.0, 1)])
def test_a_perplexity_must_rise_by_a_share_too(after: float, told: int) -> None:
    more: dict[str, Any] = {"measure": "perplexity", "direction": "down", "source": "general.en"}
    base = result("base", 20.0, stderr=1.0, **more)
    tuned = result("tuned", after, stderr=1.0, gain=after - 20, gain_stderr=0.1, **more)
    assert turned(base, tuned) == "worse"
    assert len(worsened([base, tuned])) == told
