"""Rows for one goal under another: refused where a plan is made, by whatever way it is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from wizard import words
from wizard.contract import DataReport
from wizard.errors import ExitCode, WizardError
from wizard.session import Desk
from wizard.session.suiting import aside, unsuited

KINDS = ["preference", "kto", "prompt", "text", "classification", "embedding", "reranker", "messages", "of-tomorrow"]


def report(kind: str, *tasks: str) -> DataReport:
    return DataReport(
        kind=kind, format="f", encoding="utf-8", mapping={}, exact=True, rows=9, usable=9, rejected=(), samples=(),
        tasks=tasks,
    )  # fmt: skip


@pytest.mark.parametrize("tasks", [("sft",), ("dpo", "sft"), ()])
def test_rows_that_suit_the_goal_among_others_are_taken(desk: Desk, tasks: tuple[str, ...]) -> None:
    assert unsuited(report("messages", *tasks), "sft", desk.catalog()) is None


def test_a_goal_that_learns_from_the_rows_of_another_takes_them(desk: Desk) -> None:
    assert unsuited(report("messages", "sft"), "identity", desk.catalog()) is None


@pytest.mark.parametrize("lang", words.LANGUAGES)
@pytest.mark.parametrize(
    "kind",
    ["preference", "kto", "prompt", "text", "classification", "embedding", "reranker", "messages", "of-tomorrow"],
)
def test_what_does_not_suit_is_told_with_what_it_suits_and_a_way_on(desk: Desk, kind: str, lang: str) -> None:
    fault = unsuited(report(kind, "dpo", "never-heard-of"), "sft", desk.catalog(), "/d.jsonl")
    assert fault
    told = words.problem(fault.code, fault.params, lang)
    assert "/d.jsonl" in told["what"] and words.say_in(lang, "goal.sft.title") in told["what"]
    assert words.say_in(lang, "task.dpo") in told["why"] and "never-heard-of" in told["why"]
    assert told["next"] and not [text for text in told.values() if "{" in text or "?" in text]


def test_a_goal_that_some_recipe_serves_is_offered_first(desk: Desk) -> None:
    fault = unsuited(report("messages", "prm", "sft"), "dpo", desk.catalog())
    assert fault and fault.params["nearest"] == ["sft"]
    assert words.problem(fault.code, fault.params, "en")["next"].startswith(
        'Choose the goal "Teach it from my questions and answers"'
    )


@pytest.mark.parametrize("lang", words.LANGUAGES)
@pytest.mark.parametrize("task", ["cls", "embedding", "reranker", "reward", "dpo", "kto", "grpo", "vision"])
def test_what_rows_another_goal_wants_is_told_with_their_columns(desk: Desk, task: str, lang: str) -> None:
    fault = unsuited(report("text", "cpt"), task, desk.catalog(), "/d.jsonl")
    assert fault
    told = words.problem(fault.code, fault.params, lang)
    assert words.say_in(lang, f"goal.{task}.title") in told["what"]
    assert words.say_in(lang, "goal.cpt.title") in told["next"]
    assert told["next"].count("`") >= 4


def test_rows_of_one_class_are_refused_before_anything_is_downloaded(desk: Desk) -> None:
    alike = replace(report("classification", "cls"), labels={"good": 9})
    fault = unsuited(alike, "cls", desk.catalog())
    assert fault and fault.code == "labels-not-told-apart"
    assert unsuited(replace(alike, exact=False), "cls", desk.catalog()) is None
    assert unsuited(replace(alike, labels={"good": 5, "bad": 4}), "cls", desk.catalog()) is None


def test_pairs_that_serve_for_their_better_answers_alone_say_so() -> None:
    fault = aside(report("preference", "dpo", "sft"), "sft")
    assert fault and words.problem(fault.code, fault.params, "en")["what"].startswith("Only the better answers")
    assert aside(report("preference", "dpo", "sft"), "dpo") is None
    assert aside(report("preference", "dpo", "reward", "sft"), "reward") is None
    assert aside(report("messages", "grpo", "sft"), "sft") is None


def texts(folder: Path) -> Path:
    path = folder / "texts.txt"
    path.write_text("A text to read on.\n\n" * 30)
    return path


def test_a_plan_of_rows_for_another_goal_is_refused(desk: Desk, tmp_path: Path) -> None:
    choice = desk.choose(desk.best("sft"), desk.data_choice(str(texts(tmp_path))))
    with pytest.raises(WizardError) as caught:
        desk.plan(choice)
    assert (caught.value.problem.code, caught.value.exit_code) == ("data-for-another-goal", ExitCode.USAGE)


def test_a_replay_is_refused_as_well_though_nobody_looked_at_its_rows(desk: Desk, tmp_path: Path) -> None:
    path = texts(tmp_path)
    choice = desk.choose(desk.best("sft"), desk.data_choice(str(path)))
    other = Desk(desk.home)
    with pytest.raises(WizardError) as caught:
        other.plan(replace(choice, data=replace(choice.data, sha256="")))
    assert caught.value.problem.code == "data-for-another-goal"


def test_what_was_known_of_the_data_is_kept_in_the_run(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.run.launch", lambda folder, command: None)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "q", "answer": "a"}\n' * 30 + '{"question": "q", "answer": ""}\n')
    plan = desk.plan(desk.choose(desk.best("sft"), desk.data_choice(str(path))))
    folder = desk.folder(desk.launch(plan))
    kept = json.loads(folder.data_report.read_text(encoding="utf-8"))
    assert (kept["rows"], kept["usable"], kept["duplicates"]) == (31, 30, 29)
    assert kept["reasons"] == [{"rows": 1, "line": 31, "code": "empty-answer", "what": "an empty answer"}]
    assert kept["cut"]["at"] == plan.choice.knobs.seq_len


@pytest.mark.parametrize(
    ("columns", "task", "code"),
    [
        (("ask", "odd"), "sft", "data-answer-unnamed"),
        (("ask", "odd"), "identity", "data-answer-unnamed"),
        (("ask",), "sft", "data-for-another-goal"),
        (("ask", "odd"), "dpo", "data-for-another-goal"),
    ],
)
def test_questions_beside_columns_that_nobody_knows_may_have_their_answers_there(
    desk: Desk, columns: tuple[str, ...], task: str, code: str
) -> None:
    asked = replace(report("prompt", "grpo"), mapping={"question": "ask"}, columns=columns)
    fault = unsuited(asked, task, desk.catalog(), "rows.csv")
    assert fault is not None
    assert fault.code == code


def test_an_answer_can_be_named_where_none_was_found(desk: Desk) -> None:
    assert "answer" in [role.name for role in desk.roles("prompt", "prompt", ("question",))]
    assert "answer" not in [role.name for role in desk.roles("openai", "prompt", ("messages",))]


@pytest.mark.parametrize("tasks", [("sft",), ("grpo",)])
def test_questions_with_or_without_an_answer_serve_for_learning_from_a_teacher(
    desk: Desk, tasks: tuple[str, ...]
) -> None:
    assert unsuited(report("messages", *tasks), "distil", desk.catalog()) is None
    assert unsuited(report("messages", "cpt"), "distil", desk.catalog())
