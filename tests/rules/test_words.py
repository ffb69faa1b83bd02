import ast
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from wizard import words

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "wizard").rglob("*.py"))
PLACEHOLDER = re.compile(r"\{(\w*)(?::[^{}]*)?\}")
HAN = re.compile(r"[\u4e00-\u9fff]")
SPEAKERS = {"answer", "talk", "say_line", "notify"}


def placeholders(text: str) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def test_both_languages_have_the_same_keys() -> None:
    assert set(words.catalogue("en")) == set(words.catalogue("zh"))


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_no_key_stands_in_two_files(language: str) -> None:
    files = sorted((ROOT / "wizard" / "words").glob(f"{language}*.toml"))
    keys = [key for file in files for key in words.flatten(tomllib.loads(file.read_text(encoding="utf-8")))]
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_both_languages_have_the_same_placeholders() -> None:
    english, chinese = words.catalogue("en"), words.catalogue("zh")
    assert [key for key in english if placeholders(english[key]) != placeholders(chinese[key])] == []


def test_every_problem_says_what_why_and_next() -> None:
    keys = set(words.catalogue("en"))
    codes = {key.split(".")[1] for key in keys if key.startswith("problem.")}
    assert [c for c in codes for part in ("what", "why", "next") if f"problem.{c}.{part}" not in keys] == []


def calls(name: set[str]) -> list[tuple[Path, ast.Call]]:
    found = []
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in name:
                    found.append((source, node))
    return found


def literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_problem_that_is_raised_has_words() -> None:
    missing = []
    for source, call in calls({"WizardError", "Problem", "StageFailed", "wrong"}):
        named = next((k.value for k in call.keywords if k.arg == "code"), call.args[0] if call.args else None)
        code = literal(named)
        if code and not words.known(f"problem.{code}.what"):
            missing.append(f"{source.name}:{call.lineno} {code}")
    assert missing == []


def test_no_problem_carries_a_sentence_of_one_language() -> None:
    told = []
    for source, call in calls({"WizardError", "Problem", "wrong"}):
        for argument in (*call.args[1:], *(k.value for k in call.keywords)):
            text = literal(argument)
            if text and re.search(r"[A-Za-z]{2} [A-Za-z]{2}", text):
                told.append(f"{source.name}:{call.lineno} {text}")
    assert told == []


def test_every_text_that_is_said_exists() -> None:
    missing = []
    for source, call in calls({"say", "say_in"}):
        keys = [literal(argument) for argument in call.args[:2]]
        key = next((key for key in keys if key and "." in key and not key.endswith(".")), None)
        if key and not words.known(key):
            missing.append(f"{source.name}:{call.lineno} {key}")
    assert missing == []


READ = (ROOT / "wizard" / "data", ROOT / "wizard" / "stages" / "rewards")  # names in people's data, numbers in answers
SPOKEN = [path for path in SOURCES if not any(path.is_relative_to(room) for room in READ)]


@pytest.mark.parametrize("source", SPOKEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_chinese_outside_the_word_catalogue(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    texts = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert [node.lineno for node in texts if HAN.search(node.value)] == []


def test_nothing_is_told_to_people_as_a_literal() -> None:
    told = []
    for source, call in calls(SPEAKERS):
        text = literal(call.args[0]) if call.args else None
        if text and re.search(r"[A-Za-z]{3}", text):
            told.append(f"{source.name}:{call.lineno} {text}")
    assert told == []


def test_a_missing_parameter_or_an_odd_value_never_hides_the_sentence() -> None:
    assert "?" in words.say_in("en", "problem.run-unknown.what")
    assert words.say_in("en", "problem.disk-low.what", path={"odd": 1})


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_what_hubs_answered_is_told_in_words_of_its_language(language: str) -> None:
    tried = [{"hub": "modelscope", "code": "hub-unreachable"}, {"hub": "huggingface", "code": "never-heard-of"}]
    told = words.say_in(language, "problem.no-source-works.why", tried=tried)
    assert [code for code in ("hub-unreachable", "never-heard-of", "modelscope") if code in told] == []
    assert words.say_in(language, "cause.hub-unreachable") in told
    assert bool(HAN.search(told)) is (language == "zh")


def test_sizes_in_a_sentence_are_formatted_in_one_place() -> None:
    assert "12.0 GB" in words.say_in("en", "doctor.disk", free_bytes=12_000_000_000, path="/")
