from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wizard.journal.curve import LIMIT, Curve


def line(step: int, loss: float | None) -> dict[str, object]:
    return {"step": step, "total": 100, "at": 1.0, "values": {"loss": loss}}


def test_a_resumed_step_counts_once_and_the_last_line_wins() -> None:
    curve = Curve()
    for step, loss in ((1, 3.0), (2, 2.0), (3, 0.5), (2, 2.5), (3, 1.0)):
        curve.add(line(step, loss))
    assert [(point.step, point.values["loss"]) for point in curve.series] == [(1, 3.0), (2, 2.5), (3, 1.0)]
    assert curve.best_loss == 1.0


def test_two_lines_about_one_step_are_put_together() -> None:
    curve = Curve()
    curve.add(line(1, 3.0))
    curve.add({"step": 1, "values": {"eval_loss": 2.0}})
    assert curve.last is not None
    assert curve.last.values == {"loss": 3.0, "eval_loss": 2.0}
    assert curve.best_loss == 3.0


def test_lines_of_another_shape_are_passed_over() -> None:
    curve = Curve()
    for odd in ({}, {"step": "1", "values": {}}, {"step": 1}, {"step": True, "values": {}}, {"step": -1, "values": {}}):
        curve.add(odd)
    curve.add(line(1, None))
    assert [point.step for point in curve.series] == [1]
    assert curve.best_loss is None


def test_a_long_curve_keeps_its_end_and_stays_small() -> None:
    curve = Curve()
    for step in range(1, 50_001):
        curve.add(line(step, 1 / step))
    assert len(curve.series) <= LIMIT
    assert curve.series[-1].step == 50_000
    assert curve.series[0].step < 100


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 9)), max_size=200))
def test_best_is_the_best_of_what_was_not_taken_back(pairs: list[tuple[int, float]]) -> None:
    curve, kept = Curve(), {}
    for step, loss in pairs:
        curve.add(line(step, loss))
        kept = {key: value for key, value in kept.items() if key < step} | {step: loss}
    assert {point.step: point.values["loss"] for point in curve.series} == kept
    assert curve.best_loss == min(kept.values(), default=None)
