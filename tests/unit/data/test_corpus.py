from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wizard import words
from wizard.contract import DataReport
from wizard.data.readers import inspect
from wizard.errors import WizardError

CORPUS = Path(__file__).parents[2] / "data" / "rows"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))


def _verdict(name: str) -> DataReport | WizardError:
    try:
        return inspect(CORPUS / name)
    except WizardError as error:
        return error


def test_every_file_of_the_corpus_has_an_expectation() -> None:
    assert {path.name for path in CORPUS.iterdir() if path.is_file()} - {"expected.json"} == set(EXPECTED)


@pytest.mark.parametrize("name", [name for name, told in EXPECTED.items() if "problem" not in told])
def test_a_good_file_is_recognised(name: str) -> None:
    report, told = _verdict(name), EXPECTED[name]
    assert isinstance(report, DataReport), report
    assert (report.kind, report.format, report.usable) == (told["kind"], told["format"], told["usable"])
    assert report.encoding == told.get("encoding", report.encoding)
    assert [[row.line, row.code] for row in report.rejected] == told.get("rejected", [])
    assert report.modality == tuple(told.get("modality", ["text"]))
    assert report.tasks == tuple(told.get("tasks", report.tasks))
    assert report.samples[0] == told.get("first", report.samples[0])
    assert report.exact
    assert report.rows == report.usable + len(report.rejected)
    turns = [turn for sample in report.samples for turn in sample["messages"] if turn["role"] != "tool"]
    assert all(turn["content"] or turn["tool_calls"] for turn in turns)


@pytest.mark.parametrize("name", [name for name, told in EXPECTED.items() if "problem" in told])
def test_a_bad_file_is_one_problem(name: str) -> None:
    error, told = _verdict(name), EXPECTED[name]
    assert isinstance(error, WizardError), error
    assert error.problem.code == told["problem"]
    assert error.problem.params["path"] == str(CORPUS / name)
    assert told.get("params", {}).items() <= error.problem.params.items()


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_what_is_said_has_all_its_words(name: str, language: str) -> None:
    verdict = _verdict(name)
    if isinstance(verdict, WizardError):
        said = list(words.problem(verdict.problem.code, verdict.problem.params, language).values())
    else:
        said = [words.say_in(language, f"reject.{row.code}", **row.params) for row in verdict.rejected]
    assert not [text for text in said if text.startswith(("problem.", "reject.")) or text.endswith("?")]
