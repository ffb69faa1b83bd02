"""Files of every kind that real writers make, whole and broken: tests/data/files/make.py made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wizard import words
from wizard.contract import DataReport
from wizard.data.readers import inspect
from wizard.errors import WizardError

CORPUS = Path(__file__).parents[2] / "data" / "files"
EXPECTED: dict[str, dict[str, Any]] = json.loads((CORPUS / "expected.json").read_text(encoding="utf-8"))
OTHERS = {"expected.json", "make.py", "factory"}


def _verdict(name: str) -> DataReport | WizardError:
    try:
        return inspect(CORPUS / name, **EXPECTED[name].get("told", {}))
    except WizardError as error:
        return error


def test_every_file_has_an_expectation() -> None:
    assert {path.name for path in CORPUS.iterdir()} - OTHERS == set(EXPECTED)


@pytest.mark.parametrize("name", [name for name, told in EXPECTED.items() if "problem" not in told])
def test_what_can_be_read_is(name: str) -> None:
    report, told = _verdict(name), EXPECTED[name]
    assert isinstance(report, DataReport), report
    assert (report.kind, report.format, report.usable) == (told["kind"], told["format"], told["usable"])
    assert report.encoding == told.get("encoding", told.get("told", {}).get("encoding", "utf-8"))
    assert [[row.line, row.code] for row in report.rejected] == told.get("rejected", [])
    assert [row.file for row in report.rejected] == told.get("files", [""] * len(report.rejected))
    assert [note.code for note in report.notes] == told.get("notes", [])
    answers = [sample["messages"][-1]["content"] for sample in report.samples]
    assert answers == told.get("answers", answers)


@pytest.mark.parametrize("name", [name for name, told in EXPECTED.items() if "problem" in told])
def test_what_cannot_be_read_is_one_problem(name: str) -> None:
    error, told = _verdict(name), EXPECTED[name]
    assert isinstance(error, WizardError), error
    assert error.problem.code == told["problem"]
    assert error.problem.params["path"] == str(CORPUS / name)
    assert told.get("params", {}).items() <= error.problem.params.items()


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_what_is_said_has_all_its_words(name: str, language: str) -> None:
    verdict = _verdict(name)
    problems = [verdict.problem] if isinstance(verdict, WizardError) else verdict.notes
    said = [text for each in problems for text in words.problem(each.code, each.params, language).values()]
    assert not [text for text in said if text.startswith("problem.") or text.endswith("?")]
