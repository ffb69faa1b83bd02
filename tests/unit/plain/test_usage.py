"""Wrong flags and words are told like every other problem, and help is in one language."""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.plain.conftest import Typed
from wizard import words
from wizard.plain import ESTIMATE_FLAGS, RESUME_KNOBS

VERBS = (
    "demo", "probe", "offers", "estimate", "models", "data", "run", "runs", "attach", "resume", "stop", "logs", "chat",
    "snippet", "bench", "export", "push", "expose", "keys", "doctor", "uninstall",
)  # fmt: skip
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("arguments", "told", "near"),
    [
        (("offer",), "`offer`", "offers"),
        (("dmeo", "--name", "x"), "`dmeo`", "demo"),
        (("xyzzy",), "`xyzzy`", ""),
        (("estimate", "--seqlen", "512"), "--seqlen", "--seq-len"),
        (("models", "serach", "qwen"), "`serach`", "search"),
        (("models", "download", "x", "--hub", "modelscop"), "--hub", "modelscope"),
        (("offers", "--taks=sft"), "--taks", "--task"),
        (("offers", "--qqq"), "--qqq", ""),
        (("--pretned", "t4", "probe"), "--pretned", "--pretend"),
        (("--lang", "zj", "probe"), "--lang", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_a_wrong_verb_or_flag_is_named_with_the_nearest_if_it_is_near(
    command: Typed, arguments: tuple[str, ...], told: str, near: str, lang: str
) -> None:
    code, shown, talk = command(*arguments, lang=lang)
    assert (code, shown) == (2, "")
    assert told in talk
    last = talk.splitlines()[-1]
    assert (f"`{near}`" in last) if near else ("--help" in last)
    assert "argument" not in talk and "VERB" not in talk


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run",), "usage-lacks"),
        (("offers", "--task"), "usage-lacks-value"),
        (("logs", "--lines", "many"), "usage-no-number"),
        (("offers", "--all=yes"), "usage-takes-no-value"),
        (("probe", "it"), "usage-too-much"),
        (("models", "show"), "usage-lacks"),
        (("models", "show", "a", "b"), "usage-too-much"),
        (("run", "a.toml", "--learning-rate"), "usage-unknown-flag"),
        (("run", "nosuch.toml"), "data-missing"),
    ],
)
def test_each_way_to_mistype_has_a_problem_of_its_own(command: Typed, arguments: tuple[str, ...], code: str) -> None:
    ended, shown, _ = command(*arguments, "--json") if "--task" not in arguments else command("--json", *arguments)
    assert (ended, json.loads(shown)["problem"]["code"]) == (2, code)


def test_a_hint_names_the_program_as_it_was_typed(command: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YCDY_COMMAND", "bash it.sh")
    assert "`bash it.sh models show --help`" in command("models", "show")[2]
    assert "`bash it.sh runs --help`" in command("runs", "--qqq")[2]
    assert "`bash it.sh --help`" in command("--qqq")[2]


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_chinese_help_has_no_english_headings(command: Typed, verb: str) -> None:
    code, shown, _ = command(*([verb] if verb else []), "--help", lang="zh")
    assert code == 0
    assert [word for word in ("usage:", "options:", "positional", "show this", "optional") if word in shown] == []
    assert "--mirror" in shown


TWINS = [
    ("stop", "--all"), ("data", "--format"), ("data", "--map"), ("data", "--encoding"), ("data", "--seq-len"),
    ("stop", "--after-checkpoint"), ("logs", "--stage"), ("logs", "--lines"),
    ("uninstall", "--dry-run"), ("uninstall", "--yes"), ("estimate", "--cases"), ("demo", "--keep"), ("run", "--check"),
    ("run", "--data"), ("push", "--public"), ("run", "--copied"),
    *(("estimate", "--" + name.replace("_", "-")) for name in ESTIMATE_FLAGS),
    *(("resume", "--" + name.replace("_", "-")) for name in RESUME_KNOBS),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "flag"), TWINS)
def test_every_flag_has_a_twin_in_the_environment(monkeypatch: pytest.MonkeyPatch, verb: str, flag: str) -> None:
    from wizard.cli import parse

    monkeypatch.setenv("YCDY_" + flag.lstrip("-").replace("-", "_").upper(), "1")
    given = [verb, "FILE"] if verb in ("run", "push") else [verb]
    assert str(getattr(parse(given), flag.lstrip("-").replace("-", "_"))) in ("1", "1.0", "True")


def test_the_tests_are_the_script_s_whatever_they_are_told(command: Typed) -> None:
    code, shown, _ = command("--json", "test", "tests/unit", "-k", "x")
    assert (code, json.loads(shown)["problem"]["code"]) == (2, "test-without-script")


def test_what_is_typed_goes_before_its_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    from wizard.cli import parse

    monkeypatch.setenv("YCDY_LINES", "7")
    assert parse(["logs", "--lines", "3"]).lines == 3
    monkeypatch.setenv("YCDY_PRETEND", "t4")
    assert (parse(["probe"]).pretend, parse(["probe", "--pretend", "a10"]).pretend) == ("t4", "a10")


def test_an_empty_twin_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from wizard.cli import parse

    monkeypatch.setenv("YCDY_LINES", "")
    assert parse(["logs"]).lines == 50
