"""The wizard as plain questions, with somebody who answers; and what is printed before the last one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.formats import drawer
from tests.unit.plain.conftest import Typed
from wizard import words
from wizard.contract import Plan, Problem
from wizard.plain import asking, questions
from wizard.session import Desk, goals, hubs

Answers = Callable[..., None]


def flags(**given: Any) -> argparse.Namespace:
    """As parsed; no format is asked for."""
    usual = {"data": None, "validation": None, "copied": False, "quantise": "", "evaluate": False, "no_serve": False}
    return argparse.Namespace(**{**usual, **given})


FLAGS = flags()


@pytest.fixture
def desk(command: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    words.use("en")
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(hubs, "reached", lambda _: {"modelscope": 0.2, "huggingface": None})
    found = Desk()
    monkeypatch.setattr(found, "evaluates", lambda recipe, model: False)
    return found


@pytest.fixture
def formats(tmp_path: Path) -> Path:
    return drawer(tmp_path / "catalogue")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """The first choice of every list; texts as given, one after another."""

    def give(*texts: str) -> None:
        left = list(texts)
        monkeypatch.setattr(asking, "choose", lambda question, rows: rows[give.at.pop(0)][1])  # type: ignore[attr-defined]
        monkeypatch.setattr(asking, "text", lambda question, default="": left.pop(0) or default)

    give.at = [0, 0]  # type: ignore[attr-defined]
    return give


@pytest.fixture
def launched(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    found: list[Plan] = []
    monkeypatch.setattr(desk, "launch", lambda plan, ask: found.append(plan) or plan.run)
    monkeypatch.setattr(questions, "finish", lambda *_: 0)
    return found


def rows(path: Path, good: int, bad: int) -> str:
    lines = [json.dumps({"question": f"q{at}", "answer": "a " * 3000}) for at in range(good)]
    lines += [json.dumps({"question": f"q{at}", "answer": ""}) for at in range(bad)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_enter_all_the_way_starts_and_shows_no_commands(
    desk: Desk, answers: Answers, launched: list[Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    answers("", "", "")
    assert questions.walk(desk, FLAGS) == 0
    assert len(launched) == 1
    shown = capsys.readouterr().out
    assert "wizard.stages.train" not in shown
    assert "ModelScope answers in 0.2 s, Hugging Face does not answer" in shown


def test_c_shows_the_commands_and_asks_again(
    desk: Desk, answers: Answers, launched: list[Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    answers("", "", "c", "n")
    questions.walk(desk, FLAGS)
    assert launched == []
    assert "wizard.stages.train" in capsys.readouterr().out


@pytest.mark.parametrize(("good", "bad", "starts"), [(6, 5, True), (4, 5, False)])
def test_rows_are_told_before_the_start_and_enter_means_no_where_most_are_lost(
    desk: Desk, answers: Answers, launched: list[Plan], capsys: pytest.CaptureFixture[str], tmp_path: Path,
    good: int, bad: int, starts: bool,
) -> None:  # fmt: skip
    answers.at = [1, 0]  # type: ignore[attr-defined]
    answers(str(tmp_path / "nothing.jsonl"), rows(tmp_path / "rows.jsonl", good, bad), "", "")
    questions.walk(desk, FLAGS)
    assert bool(launched) is starts
    shown = capsys.readouterr().out
    assert f"{good} of {good + bad} rows used, {bad} dropped, about {good} cut at 512 tokens" in shown
    assert f"lines {good + 1}, {good + 2}" in shown
    assert "|x" in shown


def test_own_data_by_flags_are_not_asked_for(
    desk: Desk, answers: Answers, launched: list[Plan], tmp_path: Path
) -> None:
    answers("")
    source = f"{rows(tmp_path / 'a.jsonl', 6, 0)}#4 + {rows(tmp_path / 'b.jsonl', 8, 0)}"
    questions.walk(desk, flags(data=source, validation=0.1, copied=True))
    (plan,) = launched
    data = plan.choice.data
    assert ([each.samples for each in data.sources], data.validation, data.copied) == ([4, 0], 0.1, True)


def test_a_flag_s_data_that_cannot_be_used_are_told_of_and_asked_for_again(
    desk: Desk, answers: Answers, launched: list[Plan], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answers(rows(tmp_path / "a.jsonl", 6, 0), "y", "")
    missing = str(tmp_path / "nothing.jsonl")
    questions.walk(desk, flags(data=missing, validation=None, copied=False))
    assert missing in capsys.readouterr().err
    assert launched[0].choice.data.validation == 0.05


def test_data_on_a_network_are_offered_to_be_copied(
    desk: Desk, answers: Answers, launched: list[Plan], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers.at = [1, 0]  # type: ignore[attr-defined]
    answers(rows(tmp_path / "a.jsonl", 6, 0), "", "y", "")
    monkeypatch.setattr(desk, "warnings", lambda plan: (Problem(code="data-far-unmeasured", params={}),))
    questions.walk(desk, FLAGS)
    assert launched[0].choice.data.copied


def test_columns_whose_names_say_nothing_are_asked_for(
    desk: Desk, answers: Answers, launched: list[Plan], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "odd.csv").write_text("foo,bar\nhello?,hello\nwell?,well\n", encoding="utf-8")
    answers.at = [1, 0, 1, 2]  # type: ignore[attr-defined]
    answers(str(tmp_path / "odd.csv"), "", "y")
    questions.walk(desk, FLAGS)
    assert "lacks the columns" in capsys.readouterr().err
    assert launched[0].choice.data.mapping == {"question": "foo", "answer": "bar"}


def test_a_question_whose_answer_nobody_knows_by_name_is_mapped_by_hand(
    desk: Desk, answers: Answers, launched: list[Plan], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "odd.csv").write_text("question,zzz\nhello?,hello\nwell?,well\n", encoding="utf-8")
    answers.at = [1, 0, 2]  # type: ignore[attr-defined]
    answers(str(tmp_path / "odd.csv"), "", "y")
    questions.walk(desk, FLAGS)
    assert "these columns are not read so far: zzz" in capsys.readouterr().err
    assert launched[0].choice.data.mapping == {"question": "question", "answer": "zzz"}


def test_the_list_shows_the_same_memory_as_offers(
    desk: Desk, answers: Answers, launched: list[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    answers("", "", "n")
    monkeypatch.setattr(asking, "choose", lambda question, rows: seen.append(rows) or rows[0][1])
    questions.walk(desk, FLAGS)
    (title, verdict), *_ = seen[-1]
    assert f"{words.units.gib(verdict.card_bytes)} / " in title


def test_a_model_of_one_s_own_is_taken_by_its_folder_and_a_wrong_one_asked_for_again(
    desk: Desk, launched: list[Plan], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config |= {"num_key_value_heads": 2, "intermediate_size": 128, "vocab_size": 512, "max_position_embeddings": 2048}
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text(json.dumps(config))
    texts = ["no such model", str(tmp_path / "tiny"), rows(tmp_path / "rows.jsonl", 6, 0), "", ""]
    places = iter([1, -1, -1, 0])  # the goal, another model twice, the first recipe for it
    monkeypatch.setattr(asking, "choose", lambda question, listed: listed[next(places)][1])
    monkeypatch.setattr(asking, "text", lambda question, default="": texts.pop(0) or default)
    assert questions.walk(desk, FLAGS) == 0
    (plan,) = launched
    assert plan.choice.model == "tiny"
    assert plan.stages[0].spec["sources"][0]["ref"] == str(tmp_path / "tiny")


@pytest.mark.parametrize(
    ("typed", "default", "answer"),
    [("", True, True), ("", False, False), ("YES", False, True), ("n", True, False), ("what", False, False)],
)
def test_a_question_takes_enter_yes_and_no(answers: Answers, typed: str, default: bool, answer: bool) -> None:
    answers(typed, "")
    assert asking.sure("Start?", default=default) is answer


def of_serving(desk: Desk) -> int:
    return goals(desk.catalog()).index("serve")


def test_a_model_is_served_without_a_row(
    desk: Desk, answers: Answers, launched: list[Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    answers.at = [of_serving(desk), 0]  # type: ignore[attr-defined]
    answers("", "")
    assert questions.walk(desk, FLAGS) == 0
    (plan,) = launched
    assert ([stage.name for stage in plan.stages], plan.choice.data.kind) == (["fetch", "serve"], "none")
    assert plan.choice.questions == ("Introduce yourself in one sentence.",)


def test_formats_that_are_loaded_here_are_asked_for_and_the_server_last(
    desk: Desk, answers: Answers, launched: list[Plan], formats: Path, tmp_path: Path
) -> None:
    desk = Desk(catalog_folder=formats)
    answers.at = [of_serving(desk), 0]  # type: ignore[attr-defined]
    answers(rows(tmp_path / "rows.jsonl", 6, 0), "", "y", "n", "")
    asked: list[Any] = []
    choose = asking.choose

    def told(question: str, rows: Any) -> str:
        if question != words.say("ask.quantise"):
            return ""
        asked.append(rows)
        return "fp8"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "choose", lambda question, rows: told(question, rows) or choose(question, rows))
        patch.setattr(desk, "launch", lambda plan, ask: launched.append(plan) or plan.run)
        questions.walk(desk, flags(quantise=None))
    (plan,) = launched
    titles = [title for title, _ in asked[-1]]
    assert titles[0] == "no, as it is"
    assert "FP8  vLLM (CPU): run on an AVX2 CPU" in titles
    assert not any(title.startswith(("AWQ  ", "Odd")) for title in titles)
    assert [stage.name for stage in plan.stages] == ["fetch", "prepare", "quantise", "evaluate"]
    assert (plan.choice.quantise, plan.choice.evaluate, plan.choice.serve) == ("fp8", True, False)


def test_flags_answer_what_is_done_with_the_model(desk: Desk, answers: Answers, formats: Path) -> None:
    desk = Desk(catalog_folder=formats)
    answers.at = [0, 0]  # type: ignore[attr-defined]
    answers("", "", "n")
    made: list[Plan] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "plan", lambda choice, plan=desk.plan: made.append(plan(choice)) or made[-1])
        questions.walk(desk, flags(quantise="fp8", evaluate=True, no_serve=True))
    assert [stage.name for stage in made[0].stages][-2:] == ["quantise", "evaluate"]
