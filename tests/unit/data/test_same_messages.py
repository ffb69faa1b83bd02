from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wizard.contract import Rejected
from wizard.data.files import open_source
from wizard.data.shape import Example, Message, Messages, recognise, to_example

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


def _answer(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _asked(text: str) -> Message:
    return {"role": "user", "content": text}


TEXT_SETS = st.lists(TEXTS, min_size=5, max_size=5, unique_by=str.strip)
LABELS = st.one_of(st.integers(-9, 9), st.floats(-9, 9), st.lists(st.integers(0, 9), max_size=3))
CALL = {"type": "function", "function": {"name": "look", "arguments": {"at": ["a", 1]}}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
Written = Callable[[list[str], Any], tuple[dict[str, Any], Example]]


def _preference(*names: str) -> Written:
    def written(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
        example = Example(messages=[_asked(texts[0]), _answer(texts[1])], rejected=[_answer(texts[2])])
        return dict(zip(names, texts, strict=False)), example

    return written


def _whole_talks(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    talks = [[_asked(texts[0]), _answer(texts[1]), _asked(texts[2]), _answer(last)] for last in texts[3:]]
    return {"chosen": talks[0], "rejected": talks[1]}, Example(messages=talks[0], rejected=talks[1][-1:])


def _swift_preference(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    talk = [_asked(texts[0]), _answer(texts[1])]
    return {"messages": talk, "rejected_response": texts[2]}, Example(messages=talk, rejected=[_answer(texts[2])])


def _openai_preference(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    asked, better, worse = [_asked(texts[0])], [_answer(texts[1])], [_answer(texts[2])]
    row = {"input": {"messages": asked}, "preferred_output": better, "non_preferred_output": worse}
    return row, Example(messages=asked + better, rejected=worse)


def _hh(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    asked, better, worse = (text.strip() for text in texts[:3])
    row = {name: f"\n\nHuman: {asked}\n\nAssistant: {said}" for name, said in (("chosen", better), ("rejected", worse))}
    return row, Example(messages=[_asked(asked), _answer(better)], rejected=[_answer(worse)])


def _kto(texts: list[str], label: Any) -> tuple[dict[str, Any], Example]:
    good = isinstance(label, list)
    row = {"prompt": texts[0], "completion": texts[1], "label": good}
    return row, Example(messages=[_asked(texts[0]), _answer(texts[1])], label=good)


def _kto_talk(texts: list[str], label: Any) -> tuple[dict[str, Any], Example]:
    talk, good = [_asked(texts[0]), _answer(texts[1])], isinstance(label, list)
    return {"messages": talk, "label": good}, Example(messages=talk, label=good)


def _prompt(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    talk = [{"role": "system", "content": texts[0]}, _asked(texts[1])]
    return {"prompt": talk, "checked_by": texts[2]}, Example(messages=talk, extra={"checked_by": texts[2]})


def _labelled(texts: list[str], label: Any) -> tuple[dict[str, Any], Example]:
    return {"messages": [_asked(texts[0])], "label": label}, Example(messages=[_asked(texts[0])], label=label)


def _triplet(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    row = {"anchor": texts[0], "positive": texts[1], "negative": texts[2]}
    return row, Example(messages=[_asked(texts[0])], positives=[[_answer(texts[1])]], negatives=[[_answer(texts[2])]])


def _scored(texts: list[str], label: Any) -> tuple[dict[str, Any], Example]:
    score = len(label) / 3 if isinstance(label, list) else abs(label) / 9
    row = {"sentence1": texts[0], "sentence2": texts[1], "score": score}
    return row, Example(messages=[_asked(texts[0])], positives=[[_answer(texts[1])]], label=score)


def _reranked(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    row = {"query": texts[0], "positive": texts[1:3], "negative": texts[3:]}
    positives, negatives = ([[_answer(text)] for text in side] for side in (texts[1:3], texts[3:]))
    return row, Example(messages=[_asked(texts[0])], positives=positives, negatives=negatives)


def _tools(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    talk = [
        _asked(texts[0]),
        {**_answer(texts[1]), "tool_calls": [CALL]},
        {"role": "tool", "content": texts[2]},
        {**_answer(texts[3]), "reasoning_content": texts[4]},
    ]
    return {"messages": talk, "tools": json.dumps([TOOL])}, Example(messages=talk, tools=[TOOL])


def _pictures(texts: list[str], label: Any) -> tuple[dict[str, Any], Example]:
    many = len(label) if isinstance(label, list) else 1
    images = [f"{number}.png" for number in range(many)]
    talk = [_asked("<image>" * many + texts[0]), _answer(texts[1])]
    row = {"messages": [_asked(texts[0]), _answer(texts[1])], "images": images}
    return row, Example(messages=talk, images=images)


def _text(texts: list[str], _: Any) -> tuple[dict[str, Any], Example]:
    return {"text": texts[0]}, Example(messages=[_answer(texts[0])])


@pytest.mark.parametrize(
    "written",
    [
        _preference("prompt", "chosen", "rejected"),
        _preference("instruction", "chosen_response", "rejected_response"),
        _preference("question", "response_j", "response_k"),
        _whole_talks, _swift_preference, _openai_preference, _hh, _kto, _kto_talk, _prompt, _labelled, _triplet,
        _scored, _reranked, _tools, _pictures, _text,
    ],
)  # fmt: skip
@given(texts=TEXT_SETS, label=LABELS)
@settings(max_examples=60, deadline=None)
def test_every_kind_comes_back_as_it_was_meant(written: Written, texts: list[str], label: Any) -> None:
    row, meant = written(texts, label)
    shape = recognise([row])
    assert to_example(shape, row) == meant
    again = recognise([row], shape.format, shape.mapping)
    assert (again.kind, again.format, again.mapping) == (shape.kind, shape.format, shape.mapping)
