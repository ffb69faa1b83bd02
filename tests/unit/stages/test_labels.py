from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wizard.errors import WizardError
from wizard.stages.training.labels import Labels, keep, kept, labels_of


def told(*labels: Any) -> list[str]:
    return [json.dumps(label, ensure_ascii=False) for label in labels]


@pytest.mark.parametrize(
    ("labels", "known"),
    [
        (("spam", "ham", "spam"), Labels("one", ("ham", "spam"))),
        ((10, 2, 0, -1), Labels("one", ("-1", "0", "2", "10"))),
        ((True, False), Labels("one", ("false", "true"))),
        (("差", "好"), Labels("one", ("好", "差"))),
        ((["a", "b"], ["b"], []), Labels("many", ("a", "b"))),
        ((["only"], []), Labels("many", ("only",))),
        ((0.5, 1, 2.5), Labels("number", ())),
    ],
)
def test_what_the_labels_are_is_seen_from_them(labels: tuple[Any, ...], known: Labels) -> None:
    assert labels_of(told(*labels)) == known


@pytest.mark.parametrize(
    ("known", "label", "number"),
    [
        (Labels("one", ("0", "2", "10")), 10, 2),
        (Labels("many", ("a", "b", "c")), ["c", "a"], [1.0, 0.0, 1.0]),
        (Labels("many", ("a", "b")), "b", [0.0, 1.0]),
        (Labels("number", ()), 3, 3.0),
    ],
)
def test_a_row_is_told_as_its_head_learns_it(known: Labels, label: Any, number: Any) -> None:
    assert known.encoded(json.dumps(label)) == number


@pytest.mark.parametrize("labels", [("spam", "spam"), ([], []), tuple(range(10_001))])
def test_what_tells_nothing_apart_is_a_problem(labels: tuple[Any, ...]) -> None:
    with pytest.raises(WizardError) as caught:
        labels_of(told(*labels))
    assert caught.value.problem.code == "labels-not-told-apart"


def test_they_lie_beside_what_was_trained(tmp_path: Path) -> None:
    keep(Labels("one", ("好", "差")), tmp_path)
    assert kept(str(tmp_path / "adapter")) == Labels("one", ("好", "差"))
    assert kept(str(tmp_path / "other" / "adapter")) is None
