"""What may be typed for a data source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wizard.contract import DataSource
from wizard.data.readers import hub_of, named, resolved
from wizard.data.readers.llamafactory import entries
from wizard.errors import WizardError

FACTORY = Path(__file__).parents[2] / "data" / "files" / "factory"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("rows.jsonl", "odd#7", "odd::name", "a:b.csv", "org/rows.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    return tmp_path


def told(text: str) -> tuple[str, str, str, int, float]:
    found = named(text, "ms")
    ref = os.path.relpath(found.ref) if not hub_of(found)[0] else found.ref
    return ref, found.subset, found.split, found.samples, found.times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rows.jsonl", ("rows.jsonl", "", "", 0, 1.0)),
        (" rows.jsonl ", ("rows.jsonl", "", "", 0, 1.0)),
        ("rows.jsonl#500", ("rows.jsonl", "", "", 500, 1.0)),
        ("rows.jsonl#2x", ("rows.jsonl", "", "", 0, 2.0)),
        ("rows.jsonl#0.5x", ("rows.jsonl", "", "", 0, 0.5)),
        ("rows.jsonl#30%", ("rows.jsonl", "", "", 0, 0.3)),
        ("rows.jsonl:Sheet 2", ("rows.jsonl", "Sheet 2", "", 0, 1.0)),
        ("rows.jsonl:zh/en@test#5", ("rows.jsonl", "zh/en", "test", 5, 1.0)),
        ("odd#7", ("odd#7", "", "", 0, 1.0)),
        ("odd#7#9", ("odd#7", "", "", 9, 1.0)),
        ("odd::name", ("odd::name", "", "", 0, 1.0)),
        ("a:b.csv", ("a:b.csv", "", "", 0, 1.0)),
        ("a:b.csv:c", ("a:b.csv", "c", "", 0, 1.0)),
        ("org/rows.jsonl", ("org/rows.jsonl", "", "", 0, 1.0)),
        ("org/missing.jsonl", ("org/missing.jsonl", "", "", 0, 1.0)),
        ("data/missing.jsonl.gz", ("data/missing.jsonl.gz", "", "", 0, 1.0)),
        ("hf::org/name", ("hf::org/name", "", "", 0, 1.0)),
        ("HF::org/name:zh#20", ("hf::org/name", "zh", "", 20, 1.0)),
        ("ms::org/name:zh/en@validation#2x", ("ms::org/name", "zh/en", "validation", 0, 2.0)),
        ("AI-ModelScope/alpaca-gpt4-data-zh#500", ("ms::AI-ModelScope/alpaca-gpt4-data-zh", "", "", 500, 1.0)),
        ("swift/self-cognition:default", ("ms::swift/self-cognition", "default", "", 0, 1.0)),
    ],
)
def test_a_source_is_read_as_it_is_written(text: str, expected: tuple[str, str, str, int, float]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [("rows.jsonl#0", "data-amount"), ("rows.jsonl#0x", "data-amount"), ("rows.jsonl#0%", "data-amount"),
     ("hf::name", "data-hub-id"), ("ms::", "data-hub-id"), ("hf::a/b/c", "data-hub-id")],
)  # fmt: skip
def test_what_means_nothing_is_a_problem(text: str, code: str) -> None:
    with pytest.raises(WizardError) as caught:
        named(text, "ms")
    assert caught.value.problem.code == code


def test_bytes_that_are_no_path_are_no_crash() -> None:
    assert named("a\0b", "ms").ref == "a\0b"


def test_an_entry_of_llama_factory_is_read_as_it_is() -> None:
    own = resolved(DataSource(ref=str(FACTORY), subset="own"), "ms")
    assert own == DataSource(
        ref=str(FACTORY / "own.json"),
        samples=2,
        format="alpaca",
        mapping={"instruction": "ask", "output": "reply"},
    )
    talks = resolved(DataSource(ref=str(FACTORY / "dataset_info.json"), subset="talks"), "ms")
    assert (talks.ref, talks.format) == (str(FACTORY / "talks.jsonl"), "sharegpt")
    assert talks.mapping == {"messages": "chat", "role": "who", "content": "says"}


def test_an_entry_on_both_hubs_comes_from_the_one_that_is_nearer() -> None:
    far = DataSource(ref=str(FACTORY), subset="far", samples=7)
    assert [resolved(far, hub).ref for hub in ("ms", "hf")] == ["ms::org/zh", "hf::org/en"]
    assert (resolved(far, "ms").subset, resolved(far, "ms").samples) == ("f/a", 7)


@pytest.mark.parametrize(
    ("name", "code"), [("", "data-info-which"), ("owm", "data-info-unknown"), ("program", "data-info-way")]
)
def test_an_entry_that_is_not_meant_or_not_fetched_is_a_problem(name: str, code: str) -> None:
    with pytest.raises(WizardError) as caught:
        resolved(DataSource(ref=str(FACTORY), subset=name), "ms")
    assert caught.value.problem.code == code
    assert code == "data-info-way" or caught.value.problem.params["known"] == "own, talks, far, program"


def test_other_programs_files_of_that_name_are_left_alone(here: Path) -> None:
    (here / "dataset_info.json").write_text('{"features": {"a": {"dtype": "string"}}}')
    assert entries(here) == {}
    (here / "dataset_info.json").write_text("[broken")
    assert resolved(DataSource(ref=str(here)), "ms") == DataSource(ref=str(here))
