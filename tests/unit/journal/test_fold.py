from __future__ import annotations

from typing import Any

import pytest

from wizard.contract import Plan, Problem
from wizard.journal import fold


def event(at: float, kind: str, **params: Any) -> dict[str, Any]:
    return {"at": at, "kind": kind, **params}


STARTED = event(10, "run-started", pid=1, attempt=1)
TRAINING = [
    STARTED,
    event(11, "stage-started", stage="fetch", attempt=1, rung=0),
    event(12, "stage-ended", stage="fetch", outcome="done", seconds=1),
    event(13, "stage-started", stage="train", attempt=1, rung=0),
]


def statuses(plan: Plan, *events: dict[str, Any], **rest: Any) -> dict[str, str]:
    return {stage.name: stage.status for stage in fold(plan, events, **rest).stages}


def test_nothing_happened_yet(plan: Plan) -> None:
    state = fold(plan)
    assert state.status == "interrupted"
    assert {stage.status for stage in state.stages} == {"waiting"}


def test_a_run_under_way(plan: Plan) -> None:
    state = fold(plan, TRAINING, supervised=True)
    assert (state.status, state.stage, state.started) == ("running", "train", 10)
    assert statuses(plan, *TRAINING, supervised=True) == {
        "fetch": "done",
        "prepare": "waiting",
        "train": "running",
        "serve": "waiting",
    }


def test_interrupted_is_nobody_there_and_no_word_of_the_end(plan: Plan) -> None:
    state = fold(plan, TRAINING)
    assert state.status == "interrupted"
    assert state.stages[2].status == "stopped"


def test_a_failure_is_told_with_its_problem(plan: Plan) -> None:
    problem = {"code": "disk-full", "params": {"path": "/x"}}
    events = [
        *TRAINING,
        event(20, "stage-ended", stage="train", outcome="failed", seconds=7, problem=problem),
        event(20, "run-ended", status="failed", problem=problem),
    ]
    state = fold(plan, events)
    assert (state.status, state.stage) == ("failed", "train")
    assert state.problem == Problem(code="disk-full", params={"path": "/x"})


def test_resuming_forgets_the_failure_and_keeps_what_is_done(plan: Plan) -> None:
    events = [
        *TRAINING,
        event(20, "stage-ended", stage="train", outcome="failed", problem={"code": "x"}),
        event(20, "run-ended", status="failed", problem={"code": "x"}),
        event(30, "run-started", pid=2, attempt=2),
    ]
    state = fold(plan, events, supervised=True)
    assert (state.status, state.problem) == ("running", None)
    assert [stage.status for stage in state.stages] == ["done", "waiting", "waiting", "waiting"]


def test_a_ready_service_makes_the_run_serving(plan: Plan) -> None:
    ready = event(22, "ready", endpoint="http://127.0.0.1:1/v1", model="toy", engine="transformers")
    events = [STARTED, event(21, "stage-started", stage="serve", attempt=1, rung=0)]
    state = fold(plan, events, {"04-serve": [ready]}, supervised=True)
    assert (state.status, state.endpoint, state.served_model) == ("serving", "http://127.0.0.1:1/v1", "toy")
    assert (state.stages[3].status, state.stages[3].ended) == ("ready", 22)


def test_an_endpoint_of_an_earlier_attempt_does_not_count(plan: Plan) -> None:
    ready = event(5, "ready", endpoint="http://127.0.0.1:1/v1", model="toy", engine="transformers")
    events = [STARTED, event(21, "stage-started", stage="serve", attempt=2, rung=0)]
    state = fold(plan, events, {"04-serve": [ready]}, supervised=True)
    assert (state.status, state.endpoint) == ("running", "")


def test_a_service_that_outlived_its_supervisor_still_serves(plan: Plan) -> None:
    ready = event(22, "ready", endpoint="http://127.0.0.1:1/v1", model="toy", engine="transformers")
    events = [
        STARTED,
        event(21, "stage-started", stage="serve", attempt=1, rung=0),
        event(30, "run-started", pid=2, attempt=2),
        event(31, "note", stage="serve", code="stage-adopted", params={"pid": 3}, level="info"),
    ]
    state = fold(plan, events, {"04-serve": [ready]}, supervised=True)
    assert (state.status, state.endpoint, state.stages[3].status) == ("serving", "http://127.0.0.1:1/v1", "ready")


def test_an_environment_being_built_shows_at_the_first_stage_that_waits_for_it(plan: Plan) -> None:
    building = event(14, "environment-building", environment="serve-cpu-py311", phase="install", done=3, total=9)
    state = fold(plan, [*TRAINING, building], supervised=True)
    serve = state.stages[3]
    assert (serve.status, serve.phase, serve.done, serve.total) == ("building", "environment-install", 3, 9)
    assert state.stage == "train"
    ready = event(15, "environment-ready", environment="serve-cpu-py311", path="/e", seconds=1)
    assert fold(plan, [*TRAINING, building, ready], supervised=True).stages[3].status == "waiting"


def test_a_concession_moves_the_rung_and_is_noted(plan: Plan) -> None:
    given = event(14, "conceded", stage="train", **{"from": 0, "to": 1, "why": "out-of-memory", "by": "supervisor"})
    state = fold(plan, [*TRAINING, given], supervised=True)
    assert state.stages[2].rung == 1
    assert state.notes[-1].code == "conceded"


def test_notes_of_all_files_are_in_order_of_time(plan: Plan) -> None:
    told = {
        "01-fetch": [event(11.5, "note", code="a", params={"n": 1})],
        "03-train": [event(14, "note", code="c", params={}, level="warning")],
    }
    state = fold(plan, [*TRAINING, event(12.5, "note", stage="fetch", code="b", params={})], told, supervised=True)
    assert [note.code for note in state.notes] == ["a", "b", "c"]


def test_a_download_tells_bytes_and_speed(plan: Plan) -> None:
    told = [event(13, "progress", done=1e9, total=4e9, unit="bytes", rate=35_000_000)]
    train = fold(plan, TRAINING, {"03-train": told}, supervised=True).stages[2]
    assert (train.done, train.total, train.unit, train.rate) == (1e9, 4e9, "bytes", 35_000_000)


def test_progress_phase_checkpoint_and_result_are_the_stage_s_newest(plan: Plan) -> None:
    told = [
        event(13, "phase", code="loading"),
        event(13.5, "progress", done=1, total=4, unit="steps"),
        event(14, "phase", code="training"),
        event(15, "checkpoint", step=50, path="/c", seconds=1),
        event(16, "result", loss=0.3),
    ]
    state = fold(plan, TRAINING, {"03-train": told}, supervised=True)
    train = state.stages[2]
    assert (train.phase, train.done, train.result) == ("training", 0, {"loss": 0.3})
    assert (state.checkpoint_step, state.checkpoint_at) == (50, 15)


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"kind": None},
        {"kind": "stage-started"},
        {"kind": "stage-ended", "stage": "nobody"},
        {"kind": "stage-ended", "stage": "train", "outcome": "odd", "at": "x", "problem": 7},
        {"kind": "run-ended", "status": 5},
        {"kind": "conceded", "stage": "train"},
        {"kind": "note", "params": 5, "level": 9},
        {"kind": "environment-building"},
        {"kind": "stage-started", "stage": ["train"]},
    ],
)
def test_an_event_of_a_strange_shape_breaks_nothing(plan: Plan, odd: dict[str, Any]) -> None:
    assert fold(plan, [*TRAINING, odd], {"03-train": [odd]}, {"03-train": [odd]}, [odd]).run == "toy-run"


def test_a_rehearsal_is_kept_and_told_beside_its_forecast(plan: Plan) -> None:
    predicted, measured = {"card_bytes": 10, "seconds_per_step": 1.0}, {"card_bytes": 11, "seconds_per_step": 0.5}
    told = event(14, "rehearsed", rung=1, longest=300, predicted=predicted, measured=measured, ratio=1.1)
    state = fold(plan, TRAINING, {"03-train": [told]}, supervised=True)
    rehearsal = state.stages[2].rehearsal
    assert rehearsal is not None
    assert (rehearsal.rung, rehearsal.longest, rehearsal.predicted, rehearsal.measured) == (1, 300, predicted, measured)
    assert state.notes[-1].code == "rehearsed"
    assert state.notes[-1].params == {"measured_bytes": 11, "forecast_bytes": 10, "seconds": 0.5, "longest": 300}


def test_a_rehearsal_with_no_forecast_is_told_alone(plan: Plan) -> None:
    told = event(14, "rehearsed", longest=300, predicted={}, measured={"card_bytes": 11}, ratio=0)
    assert fold(plan, TRAINING, {"03-train": [told]}).notes[-1].code == "rehearsed-alone"


def test_an_exact_forecast_follows_the_counted_rows_and_says_what_it_changes(plan: Plan) -> None:
    told = {"card_bytes": 5, "seconds": 60.0, "status": "fits", "status_before": "tight", "longest": 300}
    state = fold(plan, [STARTED, event(12, "forecast", stage="train", **told)], supervised=True)
    assert (state.forecast["card_bytes"], state.forecast["seconds"]) == (5, 60)
    assert [(note.code, note.level) for note in state.notes] == [("forecast-exact", "info"), ("forecast-fits", "info")]
    worse = {**told, "status": "no", "status_before": "tight"}
    state = fold(plan, [STARTED, event(12, "forecast", stage="train", **worse)], supervised=True)
    assert [(note.code, note.level) for note in state.notes][1] == ("forecast-no", "warning")
    same = {**told, "status": "tight"}
    state = fold(plan, [STARTED, event(12, "forecast", stage="train", **same)], supervised=True)
    assert [note.code for note in state.notes] == ["forecast-exact"]
