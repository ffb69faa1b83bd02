"""What a report says of all rows: their lengths, guessed or counted, where the answers begin, what is twice there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from wizard.data.readers import Template, inspect
from wizard.data.readers.lengths import Lengths, as_talk
from wizard.data.readers.talks import talks

TURNS = 2 * 6  # tokens around a question and its answer
REFUSES_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    "{{ m.role }} {{ m.content }} {% endfor %}{% if add_generation_prompt %}assistant {% endif %}"
)


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def pairs(path: Path, *found: tuple[str, str]) -> Path:
    return written(path, *({"question": q, "answer": a} for q, a in found))


@pytest.fixture
def template(tmp_path: Path) -> Template:
    """Each word is a token; who speaks is one too."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return Template(source=REFUSES_SYSTEM, tokenizer=tmp_path / "tokenizer.json")


def test_letters_are_a_quarter_of_a_token_and_other_signs_a_whole_one(tmp_path: Path) -> None:
    report = inspect(pairs(tmp_path / "rows.jsonl", ("a" * 40, "b" * 8), ("你好", "好"), ("abc 好", "x")))
    assert report.lengths == {TURNS + 12: 1, TURNS + 3: 2}
    assert report.measure == "estimated"
    assert sum(report.lengths.values()) == report.usable


def test_rows_that_are_the_same_are_counted_from_the_second_on(tmp_path: Path) -> None:
    rows = [("q", "a"), ("q", "b"), ("q", "a"), ("q", "a"), ("qa", "")]
    report = inspect(pairs(tmp_path / "rows.jsonl", *rows))
    assert (report.duplicates, report.usable) == (2, 4)


def test_with_the_tokenizer_tokens_are_counted_in_the_template(tmp_path: Path, template: Template) -> None:
    report = inspect(pairs(tmp_path / "rows.jsonl", ("a b c", "d e"), ("a", "b")), template=template)
    assert (report.measure, report.lengths) == ("counted", {2 + 5: 1, 2 + 2: 1})
    assert report.starts == {1 + 3 + 1: 1, 1 + 1 + 1: 1}  # up to where the answer begins


def test_what_is_before_the_first_answer_that_is_learnt_counts(tmp_path: Path, template: Template) -> None:
    talk = [
        {"role": "user", "content": "a b"}, {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"}, {"role": "assistant", "content": "e f"},
    ]  # fmt: skip
    report = inspect(written(tmp_path / "rows.jsonl", {"messages": talk}), template=template)
    assert (report.lengths, report.starts) == ({4 + 6: 1}, {2 + 2: 1})


def test_texts_are_counted_without_a_template_and_learnt_from_the_first_token_on(
    tmp_path: Path, template: Template
) -> None:
    (tmp_path / "texts.txt").write_text("a b c\n\nd e\n")
    report = inspect(tmp_path / "texts.txt", template=template)
    assert (report.lengths, report.starts) == ({3 + 1: 1, 2 + 1: 1}, {0: 2})  # each with its end


def test_rows_that_the_template_refuses_are_counted_and_stay_estimated(tmp_path: Path, template: Template) -> None:
    refused = {"system": "s", "question": "q", "answer": "a"}
    report = inspect(written(tmp_path / "rows.jsonl", refused, {"question": "q", "answer": "a"}), template=template)
    assert (report.refused, report.usable, report.measure) == (1, 2, "counted")
    assert sum(report.lengths.values()) == 2


def test_rows_beyond_those_that_are_counted_are_put_right_by_them(template: Template) -> None:
    sizes = Lengths(template, room=1)
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b " * 40}]}
    sizes.add(row)
    sizes.room = 0
    for _ in range(3):
        sizes.add(row)
    found, measure = sizes.found()
    assert (measure, found.total()) == ("partly", 4)
    assert {whole for whole, _ in found} == {43}


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"model": {"type": "Nonsense"}}'])
def test_a_damaged_tokenizer_leaves_the_estimate(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    damaged = Template(source=REFUSES_SYSTEM, tokenizer=tmp_path / "tokenizer.json")
    report = inspect(pairs(tmp_path / "rows.jsonl", ("q", "a")), template=damaged)
    assert (report.measure, report.refused, sum(report.lengths.values())) == ("estimated", 0, 1)


def test_a_reading_can_be_ended_and_told_how_far_it_is(tmp_path: Path) -> None:
    told: list[int] = []

    class Enough(Exception):
        pass

    def watch(rows: int) -> None:
        told.append(rows)
        if rows >= 2000:
            raise Enough

    path = pairs(tmp_path / "rows.jsonl", *[("q", "a")] * 5000)
    with pytest.raises(Enough):
        inspect(path, watch=watch)
    assert told == [1000, 2000]


def test_counting_can_be_ended_too(tmp_path: Path) -> None:
    """The child that counts is not left behind."""

    class Enough(Exception):
        pass

    def tick() -> None:
        raise Enough

    endless = Template(source="{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}")
    tokenizer = tmp_path / "tokenizer.json"
    sizes = Lengths(Template(source=endless.source, tokenizer=tokenizer), tick=tick)
    sizes.add({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]})
    with pytest.raises(Enough):
        sizes.found()


def test_columns_and_the_keys_of_turns_are_told_whether_read_or_not(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "q", "at": 1}, {"from": "gpt", "value": "a"}]
    report = inspect(
        written(tmp_path / "rows.jsonl", {"id": 1, "conversations": turns}, {"conversations": turns, "x": 0})
    )
    assert (report.columns, report.keys) == (("id", "conversations", "x"), ("from", "value", "at"))


def test_classes_are_counted_and_numbers_to_predict_are_none(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,label\nfine,good\nbad,poor\nwell,good\n")
    assert dict(inspect(file).labels) == {"good": 2, "poor": 1}
    file.write_text("text,label\nfine,1.5\nbad,3\nwell,2.25\n")
    assert not inspect(file).labels


def test_texts_that_are_to_lie_near_stand_in_no_template() -> None:
    sample: dict[str, Any] = {
        "messages": [{"role": "user", "content": "ask"}],
        "positives": [[{"role": "user", "content": "told"}]],
    }
    assert [as_talk(turns, sample).text for _, turns in talks(sample)] == ["ask", "told"]
