from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wizard.contract import Rejected
from wizard.data.files import open_source
from wizard.data.shape import Example, Messages

_words = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff"), min_size=1, max_size=30)
TEXTS = _words.filter(lambda text: bool(text.strip()) and text.strip().lower() != "nan")
TALKS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=3)
SHEETS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"])


def _talk(turns: list[tuple[str, str]]) -> Messages:
    return [
        {"role": role, "content": text}
        for turn in turns
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]


def _openai(turns: list[tuple[str, str]]) -> object:
    return {"messages": _talk(turns)}


def _sharegpt(turns: list[tuple[str, str]]) -> object:
    speaker = {"user": "human", "assistant": "gpt"}
    return {"conversations": [{"from": speaker[turn["role"]], "value": turn["content"]} for turn in _talk(turns)]}


def _swift(turns: list[tuple[str, str]]) -> object:
    return {"query": turns[-1][0], "response": turns[-1][1], "history": [list(turn) for turn in turns[:-1]]}


def _alpaca(turns: list[tuple[str, str]]) -> object:
    return {"instruction": turns[-1][0], "input": "", "output": turns[-1][1], "history": turns[:-1]}


def _lines(rows: list[object]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _array(rows: list[object]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1)


def _read(path: Path, data: bytes, encoding: str) -> list[Messages | Rejected]:
    path.write_bytes(data)
    found = [each for _, each in open_source(path, encoding=encoding).examples()]
    return [each.messages if isinstance(each, Example) else each for each in found]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


@pytest.mark.parametrize("written", [_openai, _sharegpt, _swift, _alpaca])
@pytest.mark.parametrize(("name", "cut"), [("a.jsonl", _lines), ("a.json", _array)])
@given(talks=st.lists(TALKS, min_size=1, max_size=4), encoding=ENCODINGS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_conversations_come_back_from_every_format(
    place: Path,
    written: Callable[[list[tuple[str, str]]], object],
    name: str,
    cut: Callable[[list[object]], str],
    talks: list[list[tuple[str, str]]],
    encoding: str,
) -> None:
    data = cut([written(turns) for turns in talks]).encode(encoding)
    assert _read(place / name, data, encoding) == [_talk(turns) for turns in talks]


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.tsv", "\t")])
@given(pairs=SHEETS, encoding=ENCODINGS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pairs_come_back_from_tables(
    place: Path, name: str, mark: str, pairs: list[tuple[str, str]], encoding: str
) -> None:
    sheet = io.StringIO()
    csv.writer(sheet, delimiter=mark).writerows([("question", "answer"), *pairs])
    data = sheet.getvalue().encode(encoding)
    assert _read(place / name, data, encoding) == [_talk([pair]) for pair in pairs]


@given(pairs=SHEETS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_utf8_is_recognised_whatever_it_says(place: Path, pairs: list[tuple[str, str]]) -> None:
    data = _lines([{"question": asked, "answer": answered} for asked, answered in pairs]).encode()
    assert _read(place / "a.jsonl", data, "") == [_talk([pair]) for pair in pairs]
