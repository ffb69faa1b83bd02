from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from wizard.journal import read_json
from wizard.run import concede, consent

from .conftest import Toy, stage, until

RUNGS = ({}, {"micro_batch": 2, "accumulate": 4}, {"micro_batch": 1, "accumulate": 8})
TOO_LARGE = """
if spec['knobs']['micro_batch'] > 1:
    event('failed', problem={'code': 'rehearsal-out-of-memory', 'params': {'stage': 'train', 'log': 'log.txt'}})
    sys.exit(75)
done()
"""
NUMBERS = {"peak_bytes": 5, "reserved_bytes": 6, "card_bytes": 7, "seconds_per_step": 0.5}
CASE = {"model": "m", "method": "lora", "board": "rtx-4090", "engine": "toy", "knobs": {"micro_batch": 4}}
REHEARSED = {"case": CASE, "rung": 0, "longest": 300, "predicted": NUMBERS, "measured": NUMBERS, "ratio": 1.0}
TELL = f"event('rehearsed', **{REHEARSED!r})\n"


def too_large(toy: Callable[..., Toy], concede: str) -> Toy:
    run = toy(stage("train", TOO_LARGE, 1, rungs=RUNGS))
    plan = json.loads(run.folder.plan.read_text()) | {"concede": concede}
    run.folder.plan.write_text(json.dumps(plan))
    return run


def knobs(run: Toy) -> Any:
    return read_json(run.folder.path / "01-train" / "done.json")["result"]["knobs"]


def test_a_rehearsal_that_does_not_fit_asks_before_it_goes_down(toy: Callable[..., Toy]) -> None:
    state = too_large(toy, "ask").run()
    assert state.status == "failed"
    assert state.problem is not None
    assert state.problem.code == "rehearsal-too-large"
    assert state.problem.params["changes"] == RUNGS[1]
    assert state.problem.params["told"] == "micro_batch=2, accumulate=4"


def test_taking_what_is_offered_stands_on_that_rung(toy: Callable[..., Toy]) -> None:
    run = too_large(toy, "ask")
    for rung in (1, 2):
        problem = run.run().problem
        assert problem is not None
        assert problem.params["changes"] == RUNGS[rung]
        concede(run.folder, "train", problem.params["changes"])
    assert run.run().status == "done"
    assert knobs(run)["micro_batch"] == 1
    told = [(event["from"], event["to"], event["by"]) for event in run.events("conceded")]
    assert told == [(0, 1, "user"), (1, 2, "user")]


def test_with_consent_it_goes_all_the_way_down_by_itself(toy: Callable[..., Toy]) -> None:
    run = too_large(toy, "ask")
    run.run()
    consent(run.folder)
    assert run.run().status == "done"
    assert [(event["to"], event["by"]) for event in run.events("conceded")] == [(1, "supervisor"), (2, "supervisor")]


def test_a_run_that_nobody_watches_asks_nothing(toy: Callable[..., Toy]) -> None:
    run = too_large(toy, "self")
    assert run.run().status == "done"
    assert knobs(run)["micro_batch"] == 1


def test_want_of_memory_in_mid_training_asks_nothing_either(toy: Callable[..., Toy]) -> None:
    code = "sys.exit(75) if spec['knobs']['micro_batch'] > 2 else done()"
    run = toy(stage("train", code, 1, rungs=RUNGS))
    plan = json.loads(run.folder.plan.read_text()) | {"concede": "ask"}
    run.folder.plan.write_text(json.dumps(plan))
    assert run.run().status == "done"


def test_below_the_last_rung_there_is_nothing_to_ask(toy: Callable[..., Toy]) -> None:
    run = too_large(toy, "ask")
    run.change("train", rungs=({},))
    problem = run.run().problem
    assert problem is not None
    assert problem.code == "rehearsal-out-of-memory"


def test_what_was_measured_is_kept_while_training_still_runs(toy: Callable[..., Toy]) -> None:
    run = toy(stage("train", TELL + "wait_for(here / 'go'); done()", 1))
    run.launch()
    (kept,) = until(lambda: list(run.home.measured.glob("*.json")))
    facts = json.loads(kept.read_text())
    assert facts["case"] == {**CASE, "accelerator": "cpu", "python": "3.11", "lock": "x"}
    assert (facts["longest"], facts["measured"], facts["run"]) == (300, NUMBERS, "toy")
    (run.folder.path / "01-train" / "go").touch()
    state = run.over()
    assert state.status == "done"
    assert state.stages[0].rehearsal is not None
    assert list(run.home.measured.glob("*.json")) == [kept]


def test_the_same_case_is_kept_once_and_another_length_beside_it(toy: Callable[..., Toy]) -> None:
    longer = {**REHEARSED, "longest": 900}
    run = toy(stage("train", TELL + TELL + f"event('rehearsed', **{longer!r})\ndone()", 1))
    assert run.run().status == "done"
    assert len(list(run.home.measured.glob("m-*.json"))) == 2
