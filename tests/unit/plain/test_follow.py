"""A run told in lines: what is said, in which order, and what is not said twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wizard import words
from wizard.contract import RunState, StageState
from wizard.plain import follow
from wizard.plain.follow import Teller


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_language", "en")
    monkeypatch.setattr(follow, "PROGRESS_SECONDS", 0.0)


def train(status: str = "running", **more: object) -> StageState:
    return StageState(name="train", status=status, **more)  # type: ignore[arg-type]


def state(stage: StageState, step: int = 0) -> RunState:
    latest = {"loss": 2.0} if step else {}
    return RunState(
        run="r", status="running", stages=(stage,), stage=stage.name, step=step, total=2, latest=latest, updated=0.0
    )


def told(capsys: pytest.CaptureFixture[str], *states: RunState) -> list[str]:
    teller = Teller()
    for each in states:
        teller.tell(each)
    return [line.strip() for line in capsys.readouterr().err.splitlines()]


def test_the_last_step_is_told_before_what_follows_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, state(train(phase="train"), 1), state(train(phase="save-adapter"), 2))
    assert [line.split("  ")[0] for line in lines] == ["[>] train", "training", "1/2", "2/2", "saving the adapter"]


def test_a_stage_that_is_over_at_the_first_look_has_its_steps_before_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert [line[:7] for line in told(capsys, state(train("done", phase="save-adapter"), 2))] == ["2/2  lo", "[v] tra"]


def test_nothing_is_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    once = state(train(phase="train"), 1)
    assert len(told(capsys, once, once, replace(once, updated=9.0))) == 3


def test_a_count_is_told_when_it_moves_and_not_before(capsys: pytest.CaptureFixture[str]) -> None:
    building = [
        state(train("building", phase="environment-install", done=done, total=60, unit="packages"))
        for done in (0, 0, 12, 12, 60)
    ]
    lines = told(capsys, *building)
    assert [line for line in lines if "packages" in line and "/" in line] == ["12 / 60 packages", "60 / 60 packages"]
