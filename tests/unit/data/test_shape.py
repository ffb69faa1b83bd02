"""What a person, a plan or another program may say of a source, and rows that only look harmless."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from wizard.contract import Rejected, Role
from wizard.data.readers import roles
from wizard.data.shape import DataFault, Example, from_llamafactory, recognise, to_example
from wizard.data.shape.formats import FORMATS

MANY = 200_000
TALK = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


def read(row: Mapping[str, Any], format: str = "", mapping: Mapping[str, str] | None = None) -> Example:
    example = to_example(recognise([row], format, mapping), row)
    assert isinstance(example, Example), example
    return example


def code(row: Mapping[str, Any], *others: Mapping[str, Any]) -> str:
    rejected = to_example(recognise([row, *others]), row)
    assert isinstance(rejected, Rejected), rejected
    return rejected.code


@pytest.mark.parametrize(
    ("entry", "row", "kind", "asked"),
    [
        ({}, {"instruction": "q", "input": "", "output": "a"}, "messages", "q"),
        ({"columns": {"prompt": "input", "response": "target"}}, {"input": "q", "target": "a"}, "messages", "q"),
        ({"columns": {"prompt": "content", "response": "summary"}}, {"content": "q", "summary": "a"}, "messages", "q"),
        ({"columns": {"prompt": "body"}}, {"body": "q", "title": "t"}, "text", "q"),
        (
            {"ranking": True, "columns": {"prompt": "i", "query": "x", "chosen": "good", "rejected": "bad"}},
            {"i": "q", "x": "more", "good": "c", "bad": "r"},
            "preference",
            "q\nmore",
        ),
        (
            {"formatting": "sharegpt", "columns": {"messages": "talk", "kto_tag": "ok"}},
            {"talk": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "ok": False},
            "kto",
            "q",
        ),
        (
            {
                "formatting": "sharegpt",
                "columns": {"messages": "talk", "images": "shots"},
                "tags": {"role_tag": "who", "content_tag": "what", "user_tag": "me", "assistant_tag": "it"},
            },
            {"talk": [{"who": "me", "what": "<image>q"}, {"who": "it", "what": "a"}], "shots": ["a.png"]},
            "messages",
            "<image>q",
        ),
        (
            {"formatting": "sharegpt", "ranking": True, "columns": {"messages": "c", "chosen": "x", "rejected": "y"}},
            {
                "c": [{"from": "human", "value": "q"}],
                "x": {"from": "gpt", "value": "1"},
                "y": {"from": "gpt", "value": "2"},
            },
            "preference",
            "q",
        ),
    ],
)
def test_an_entry_of_llamafactory_is_read_as_it_is_there(
    entry: dict[str, Any], row: dict[str, Any], kind: str, asked: str
) -> None:
    format, mapping = from_llamafactory(entry)
    assert recognise([row], format, mapping).kind == kind
    assert read(row, format, mapping).messages[0]["content"] == asked


def test_a_told_role_goes_before_what_is_seen_and_an_empty_one_is_not_there() -> None:
    row = {"prompt": "p", "chosen": "c", "rejected": "r"}
    assert read(row, "", {"chosen": "rejected", "rejected": "chosen"}).messages[-1]["content"] == "r"
    taught = read(row, "qa", {"answer": "chosen"})
    assert (taught.messages[-1]["content"], taught.rejected) == ("c", [])
    marked = {"question": "q", "answer": "a", "label": True}
    assert read(marked).label is True
    assert read(marked, "messages", {"question": "question", "answer": "answer"}).label is None
    assert read({"question": "q", "answer": "a", "system": "S"}, "", {"system": ""}).messages == TALK


def test_the_axolotl_names_of_a_turn_can_be_told() -> None:
    row = {"chat": [{"speaker_id": "user", "said": "q"}, {"speaker_id": "assistant", "said": "a"}]}
    assert read(row, "", {"messages": "chat", "role": "speaker_id", "content": "said"}).messages == TALK


def test_every_format_tells_its_roles() -> None:
    for known in FORMATS:
        told = roles(known.id, known.kind)
        assert any(role.required for role in told), known.id
    assert Role(name="output", required=True) in roles("alpaca")
    assert roles("nothing") == ()


@pytest.mark.parametrize(
    ("name", "roles"),
    [("sharegtp", {}), ("kto", {"chosen": "q"}), ("", {"moral": "q"}), ("", {"question": "nowhere"})],
)
def test_a_wrong_saying_is_a_fault(name: str, roles: dict[str, str]) -> None:
    with pytest.raises(DataFault) as caught:
        recognise([{"q": "q", "question": "q", "answer": "a"}], name, roles)
    assert caught.value.problem.code in ("data-format-unknown", "data-mapping-role", "data-mapping-field")


@pytest.mark.parametrize(
    "row",
    [
        {"image": {"bytes": b"\x89PNG", "path": None}, "question": "q", "answer": "a"},
        {"image": b"\x89PNG", "question": "q", "answer": "a"},
        {"images": [{"bytes": b"\x89PNG", "path": "a.png"}], "question": "q", "answer": "a"},
    ],
)
def test_pictures_held_in_a_table_come_with_their_bytes(row: dict[str, Any]) -> None:
    example = read(row)
    assert example.images[0]["bytes"] == b"\x89PNG"
    assert example.messages[0]["content"] == "<image>q"
    assert example.modality == ("text", "image")


@pytest.mark.parametrize("image", [7, {"size": 3}, [None], [[1, 2]]])
def test_what_is_no_picture_is_refused(image: Any) -> None:
    row = {"messages": TALK, "images": image}
    assert code(row, {"messages": TALK, "images": ["a.png"]}) == "bad-media"


def test_a_placeholder_in_words_about_html_is_left_where_no_row_has_media() -> None:
    row = {"question": "What does <video> do?", "answer": "It shows a video."}
    assert read(row).messages[0]["content"] == "What does <video> do?"


@pytest.mark.parametrize(
    "text",
    [
        "<img>" * 200_000,
        "<img>a" * 200_000 + "</img>",
        "[{" * 100_000,
        "[[" * 100_000,
        "[{'a':" * 50_000,
        "[{'a':" + "-" * 99_999,
        "\n\nHuman:" * 100_000,
    ],
)
@pytest.mark.timeout(120)
def test_hostile_texts_end(text: str) -> None:
    for row in (
        {"question": text, "answer": text},
        {"chosen": f"{text}\n\nAssistant: a", "rejected": f"{text}\n\nAssistant: b"},
        {"messages": text, "label": text},
        {"messages": [{"role": "tool_call", "content": text}], "tools": text, "objects": text, "images": text},
    ):
        with suppress(DataFault):
            to_example(recognise([row]), row)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "row",
    [
        {"messages": [TALK[0]] * MANY + [TALK[1]]},
        {"messages": [TALK[0]] + [{"role": "tool_call", "content": '{"name": "f"}'}] * MANY},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a" * 20}] * MANY}, TALK[1]]},
        {"query": "q", "positive": [str(n) for n in range(MANY)], "negative": [str(-n) for n in range(1, MANY)]},
    ],
)
def test_rows_of_very_many_pieces_end(row: dict[str, Any]) -> None:
    assert isinstance(to_example(recognise([row]), row), Example)


def test_deep_values_are_refused_and_what_is_kept_can_be_written() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    nested: Any = "x"
    for _ in range(3000):
        nested = {"text": nested}
    result: Any = "x"
    for _ in range(3000):
        result = [{"type": "tool_result", "content": result}]
    for row in (
        {"question": "q", "answer": nested},
        {"messages": [{"role": "user", "content": result}, TALK[1]]},
        {"messages": TALK[:1], "reward": deep},
        {"messages": TALK, "tools": [{"name": "f", "parameters": deep}]},
        {"messages": [TALK[0], {"role": "assistant", "tool_calls": [{"name": "f", "arguments": {"a": deep}}]}]},
    ):
        found = to_example(recognise([row]), row)
        assert isinstance(found, Rejected) or json.dumps(found.as_json())
