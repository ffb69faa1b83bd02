"""A served model on a terminal: the talk in lines, its snippets, its benchmark's table."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.plain.conftest import Typed
from wizard import words
from wizard.contract import CHAT, Problem
from wizard.errors import ExitCode, WizardError
from wizard.plain import using
from wizard.plain.talking import converse
from wizard.session import Endpoint
from wizard.session.using.bench import Level, Sweep
from wizard.session.using.snippets import FORMS

HERE = Endpoint(
    url="http://127.0.0.1:1/v1", model="me", engine="e", key="sk-secret", header_file=Path("/home/you/r.header")
)
FEW: dict[str, Any] = {"requests": 8, "seconds": 4.0, "read": 9.0, "written": 8.0, "client": 0.1}
LEVEL = Level(
    users=1,
    **FEW,
    failures=0,
    ttft_p50=0.25,
    ttft_p90=0.5,
    itl_p50=0.01,
    itl_p90=0.02,
    tokens_per_second=40.0,
    tokens_per_user=40.0,
)
SWEEP = Sweep(
    run="r",
    model="me",
    engine="e",
    head=CHAT,
    at=0.0,
    bound=2.0,
    levels=(LEVEL,),
    recommended=1,
    reason="all_measured",
    report="/r.json",
    picture="/r.svg",
)
DIED = Problem(
    code="bench-broke-off",
    params={"users": 2, "failed": 3, "fault": {"code": "endpoint-broke-off", "params": {"endpoint": HERE.url}}},
)


@pytest.fixture(autouse=True)
def english() -> None:
    words.use("en")


class Desk:
    """Says what it heard last; `failing` fails once, `broken` in the middle of an answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[Any], Mapping[str, Any]]] = []
        self.sweep, self.answers_with = SWEEP, "chat"

    def folder(self, run: str) -> Any:
        return SimpleNamespace(path=Path("/runs/r"))

    def endpoint(self, run: str) -> Endpoint:
        return HERE

    def base_of(self, run: str) -> str:
        return "me-base"

    def outcome(self, run: str) -> Any:
        return SimpleNamespace(questions=("Who are you?",))

    def head(self, run: str) -> str:
        return self.answers_with

    def snippet(self, run: str, form: str, question: str) -> str:
        return f"{form}: {question}"

    def snippet_forms(self, run: str) -> tuple[str, ...]:
        return FORMS

    def bench(self, run: str, wanted: Any, told: Any) -> Sweep:
        self.wanted = wanted
        told(LEVEL)
        return self.sweep

    def chat(self, run: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> Iterator[str]:
        self.asked.append((list(messages), options))
        said = messages[-1]["content"]
        yield "you said "
        if said == "break":
            raise WizardError("endpoint-broke-off", endpoint=HERE.url)
        if said == "interrupt":
            raise KeyboardInterrupt
        yield str(said)


@pytest.fixture
def desk() -> Any:
    return Desk()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, desk: Any) -> Any:
    def run(*lines: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return converse(desk, "r")

    return run


def test_answers_go_to_stdout_and_are_remembered(desk: Any, typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("/system Be brief.", "one", "", "two") == ExitCode.OK
    assert capsys.readouterr().out == "you said one\nyou said two\n"
    assert [turn["content"] for turn in desk.asked[1][0]] == ["Be brief.", "one", "you said one", "two"]


def test_what_fails_is_told_and_the_talk_goes_on_without_it(
    desk: Any, typed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("one", "break", "/tempratur 1", "two") == ExitCode.FAILED
    told = capsys.readouterr()
    assert told.out == "you said one\nyou said \nyou said two\n"
    assert "broke off" in told.err
    assert "/temperature" in told.err
    assert [turn["content"] for turn in desk.asked[-1][0]] == ["one", "you said one", "two"]


def test_ctrl_c_ends_an_answer_and_not_the_talk(desk: Any, typed: Any) -> None:
    assert typed("interrupt", "two") == ExitCode.OK
    assert [turn["content"] for turn in desk.asked[-1][0]] == ["interrupt", "you said ", "two"]


def test_both_voices_are_told_apart(desk: Any, typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("/base on", "one") == ExitCode.OK
    assert capsys.readouterr().out == "yours  you said one\nbase   you said one\n"
    assert [options for _, options in desk.asked] == [{}, {"model": "me-base"}]


def test_flags_set_a_talk_up(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\n"))
    flags = {"system": "Be brief.", "temperature": "0", "top_p": None, "max_tokens": "9", "image": None, "base": False}
    assert using.chat(desk, argparse.Namespace(run="r", **flags)) == ExitCode.OK
    assert desk.asked[0][0][0] == {"role": "system", "content": "Be brief."}
    assert desk.asked[0][1] == {"temperature": 0.0, "max_tokens": 9}


def test_a_wrong_flag_is_told_before_the_talk(desk: Any) -> None:
    flags = {"system": None, "temperature": "9", "top_p": None, "max_tokens": None, "image": None, "base": False}
    with pytest.raises(WizardError) as caught:
        using.chat(desk, argparse.Namespace(run="r", **flags))
    assert caught.value.problem.code == "chat-order-value"


def test_with_a_model_that_does_not_write_no_talk_begins(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    desk.answers_with = "judge"
    with pytest.raises(WizardError) as caught:
        using.chat(desk, argparse.Namespace(run="r"))
    assert caught.value.problem.code == "chat-not-writing" and not capsys.readouterr().err


def test_a_snippet_alone_stands_on_stdout(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert using.snippet(desk, argparse.Namespace(run="r", json=False, **{"as": "python"})) == ExitCode.OK
    told = capsys.readouterr()
    assert told.out == "python: Who are you?\n"
    assert "curl, langchain, javascript" in told.err
    assert "/home/you/r.key" in told.err
    using.snippet(desk, argparse.Namespace(run="r", json=True, **{"as": ""}))
    assert list(json.loads(capsys.readouterr().out)) == list(FORMS)


def measured(desk: Any, **more: Any) -> int:
    flags = {"concurrency": None, "prompt": None, "tokens": None, "wait": None, "json": False, **more}
    return using.bench(desk, argparse.Namespace(run="r", **flags))


def test_a_benchmark_ends_with_its_advice_in_words(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert measured(desk, concurrency=(1,), wait=3.0) == ExitCode.OK
    assert (desk.wanted.users, desk.wanted.bound) == ((1,), 3.0)
    told = capsys.readouterr()
    assert "Good for 1 at once: 40 tokens a second" in told.out
    assert "It still grew at 1" in told.out
    assert "/r.svg" in told.out
    assert "1 at once: 8 asked" in told.err


def test_one_that_broke_off_tells_its_table_and_the_problem(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    desk.sweep = replace(SWEEP, problem=DIED)
    assert measured(desk) == ExitCode.FAILED
    told = capsys.readouterr()
    assert "0.25 s" in told.out
    assert "died while 2 users were served" in told.err
    assert measured(desk, json=True) == ExitCode.FAILED
    found = json.loads(capsys.readouterr().out)
    assert found["problem"]["code"] == "bench-broke-off"
    assert found["levels"][0]["users"] == 1


def test_nothing_measured_is_told_too(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ended = Problem(code="bench-ended", params={"users": 0})
    desk.sweep = replace(SWEEP, levels=(), recommended=0, reason="none", problem=ended)
    assert measured(desk) == ExitCode.INTERRUPTED
    assert "nothing to advise" in capsys.readouterr().out


def test_a_model_that_does_not_write_has_no_words_in_its_table(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    desk.sweep = replace(SWEEP, head="embedding", levels=(replace(LEVEL, itl_p50=None, itl_p90=None),))
    measured(desk)
    told = capsys.readouterr().out
    assert "answer p50" in told
    assert "words" not in told


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("bench", "--concurrency", "1,x"), "usage-no-count"),
        (("bench", "--concurrency", "0"), "usage-no-count"),
        (("bench", "--tokens", "-1"), "usage-no-count"),
        (("bench", "--wait", "0"), "usage-no-seconds"),
        (("bench", "--wait", "soon"), "usage-no-seconds"),
        (("bench",), "no-run-serving"),
        (("snippet",), "no-run-serving"),
        (("chat", "--base"), "no-run-serving"),
    ],
)
def test_wrong_flags_and_no_server_are_told(command: Typed, arguments: tuple[str, ...], code: str) -> None:
    found, told, _ = command(*arguments, "--json")
    assert json.loads(told)["problem"]["code"] == code
    assert found == ExitCode.USAGE


def test_the_key_is_in_no_word_that_is_printed(desk: Any, typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    typed("/help", "one")
    using.snippet(desk, argparse.Namespace(run="r", json=False, **{"as": ""}))
    measured(desk)
    told = capsys.readouterr()
    assert HERE.key not in told.out + told.err
