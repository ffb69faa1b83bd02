from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from wizard.contract import MEMORY_KNOBS, Plan, Verdict
from wizard.journal import Home, Journal, RunFolder, read_plan
from wizard.run.measured import keep
from wizard.session import Desk


def plan_of(desk: Desk) -> Plan:
    verdict = desk.best("identity")
    return desk.plan(desk.choose(verdict, desk.bundled_choice(verdict.recipe)))


def rehearsed(verdict: Verdict) -> dict[str, Any]:
    knobs = asdict(verdict.knobs)
    numbers = {"peak_bytes": 3 * 10**8, "reserved_bytes": 4 * 10**8, "card_bytes": 9 * 10**8, "seconds_per_step": 1.0}
    case = {**verdict.case, "knobs": {name: knobs[name] for name in MEMORY_KNOBS}}
    predicted = {**numbers, "card_bytes": verdict.card_bytes}
    return {"case": case, "rung": 0, "longest": verdict.knobs.seq_len, "predicted": predicted, "measured": numbers}


def measure(desk: Desk) -> Plan:
    plan = plan_of(desk)
    train = next(stage for stage in plan.stages if stage.name == "train")
    keep(desk.home, plan, train, rehearsed(plan.forecast))
    return plan


def test_what_a_run_measured_is_the_next_one_s_basis(desk: Desk) -> None:
    before = measure(desk).forecast
    after = plan_of(desk).forecast
    assert (before.basis, after.basis) == ("estimated", "measured")
    assert after.card_bytes == 9 * 10**8


def test_programs_that_changed_since_void_it(desk: Desk) -> None:
    measure(desk)
    (file,) = desk.home.measured.glob("*.json")
    record = json.loads(file.read_text())
    record["case"]["lock"] = "another"
    file.write_text(json.dumps(record))
    assert plan_of(desk).forecast.basis == "estimated"


@pytest.mark.parametrize("text", ["", "[]", '{"case": 1}', '{"case": {"knobs": {}}, "measured": {}, "longest": 0}'])
def test_a_record_that_is_not_whole_is_passed_over(desk: Desk, text: str) -> None:
    desk.home.measured.mkdir()
    (desk.home.measured / "odd.json").write_text(text)
    assert plan_of(desk).forecast.basis == "estimated"


def test_a_pretended_machine_was_never_measured(desk: Desk, home: Home) -> None:
    measure(desk)
    assert all(verdict.basis == "estimated" for verdict in Desk(home, pretend="rtx-4090").offers("sft"))


def test_who_is_asked_is_decided_at_launch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.run.launch", lambda folder, command: 1)
    runs = [desk.launch(plan_of(desk), ask=ask) for ask in (True, False)]
    assert [read_plan(RunFolder(desk.home.runs / run).plan).concede for run in runs] == ["ask", "self"]


def test_the_outcome_and_the_export_keep_the_rehearsal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.run.launch", lambda folder, command: 1)
    plan = plan_of(desk)
    folder = RunFolder(desk.home.runs / desk.launch(plan))
    told = {name: rehearsed(plan.forecast)[name] for name in ("predicted", "measured")} | {"ratio": 0.9}
    train = folder.stage("03-train")
    train.path.mkdir(exist_ok=True)
    Journal(train.events).write("result", steps=3, rehearsal=told)
    assert desk.outcome(folder.name).rehearsal == told
    assert "# rehearsed: 0.8 GiB, forecast" in desk.export(folder.name)
