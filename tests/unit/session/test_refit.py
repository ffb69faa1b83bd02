from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.view import fake_values
from wizard.contract import DataChoice, Plan, Verdict
from wizard.errors import WizardError
from wizard.session import Desk
from wizard.session.amount import Amount
from wizard.session.refit import refit, wanted

COUNTED = {"made": 500, "tokens": 60_000, "longest": 300, "usable": 480}


@pytest.fixture
def plan() -> Plan:
    data = DataChoice(kind="path", ref="/data/rows.jsonl")
    return fake_values.plan(fake_values.choice(fake_values.IDENTITY, data))


class Judge:
    """The law, which remembers what it was asked."""

    def __init__(self, **told: Any) -> None:
        self.told, self.asked = told, ()

    def __call__(self, *asked: Any) -> Verdict:
        self.asked = asked
        return replace(fake_values.IDENTITY, **self.told)


def test_the_law_is_asked_for_the_longest_row_and_all_of_them(plan: Plan) -> None:
    judge = Judge(card_bytes=10, stage_seconds={"train": 7.0})
    told = refit(judge, plan, {"micro_batch": 1, "seq_len": 2048}, COUNTED)
    _, _, knobs, amount = judge.asked
    assert (knobs.seq_len, knobs.micro_batch, amount) == (300, 1, Amount(500, 120))
    assert (told["longest"], told["card_bytes"], told["seconds"]) == (300, 10, 7.0)
    assert told["before_bytes"] == plan.forecast.card_bytes


def test_questions_are_counted_with_the_answers_that_are_still_to_be_written(plan: Plan) -> None:
    told: list[Any] = []

    def judge(*asked: Any) -> Verdict:
        told.append(asked[2].seq_len)
        return replace(fake_values.IDENTITY, stage_seconds={"train": float(asked[2].seq_len)})

    asking = replace(plan, forecast=replace(plan.forecast, task="grpo"))
    found = refit(judge, asking, {"seq_len": 1024}, COUNTED)
    assert told == [300 + 512, 1024]
    assert (found["longest"], found["seconds"]) == (300, 1024.0)


def test_rows_are_no_longer_than_the_sequence_and_packed_ones_are_full(plan: Plan) -> None:
    judge = Judge()
    assert refit(judge, plan, {"seq_len": 64}, COUNTED)["longest"] == 64
    assert judge.asked[2].seq_len == 64
    refit(judge, plan, {"seq_len": 2048, "packing": True}, COUNTED)
    assert judge.asked[2].seq_len == 2048


def test_only_what_was_not_known_before_is_judged_again(plan: Plan) -> None:
    bundled = replace(plan, choice=replace(plan.choice, data=DataChoice(kind="bundled", ref="self-cognition")))
    assert wanted(plan, "prepare", COUNTED)
    assert not wanted(plan, "train", COUNTED)
    assert not wanted(plan, "prepare", {})
    assert not wanted(bundled, "prepare", COUNTED)


def test_the_answers_that_a_run_config_asks_for_are_counted(desk: Desk) -> None:
    usual, short = (
        desk.judge("grpo-lora-cpu", "smollm2-135m", **settings).stage_seconds["train"]
        for settings in ({}, {"max_completion_length": 16})
    )
    assert short < usual


@pytest.mark.parametrize("value", ["eight", 0, -3, True, [1], 2.5])
@pytest.mark.parametrize("name", ["num_generations", "max_completion_length"])
def test_what_is_no_count_is_refused_before_it_is_reckoned_with(desk: Desk, name: str, value: Any) -> None:
    with pytest.raises(WizardError) as caught:
        desk.judge("grpo-lora-cpu", "smollm2-135m", **{name: value})
    assert (caught.value.problem.code, caught.value.problem.params["name"]) == ("setting-no-count", name)
