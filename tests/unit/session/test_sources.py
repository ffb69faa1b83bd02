"""Data sources at the desk: several with their shares, as a choice, and back from a run's config."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wizard.contract import Plan
from wizard.errors import WizardError
from wizard.plan import from_toml, to_toml
from wizard.session import Desk, hubdata
from wizard.words import problem


def written(path: Path, rows: int, word: str) -> str:
    lines = [json.dumps({"question": f"{word} {number}?", "answer": word}) for number in range(rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


@pytest.fixture
def many(tmp_path: Path) -> str:
    return written(tmp_path / "many.jsonl", 40, "many")


@pytest.fixture
def few(tmp_path: Path) -> str:
    return written(tmp_path / "few.jsonl", 4, "few")


def planned(desk: Desk, *texts: str) -> Plan:
    return desk.plan(desk.choose(desk.best("sft"), desk.data_choice(texts)))


def test_a_report_of_several_is_of_all_that_is_in_them(desk: Desk, many: str, few: str) -> None:
    report = desk.inspect([many, few])
    assert (report.rows, report.usable, sum(report.lengths.values())) == (44, 44, 44)
    assert [sample["messages"][1]["content"] for sample in report.samples] == ["many", "few", "many"]


def test_a_share_is_told_and_a_repeat_warned_of(desk: Desk, many: str, few: str) -> None:
    notes = desk.inspect([f"{many}#10", f"{few}#2x"]).notes
    assert [note.code for note in notes] == ["data-share", "data-share-repeats"]
    assert [(note.params["taken"], note.params["usable"]) for note in notes] == [(10, 40), (8, 4)]


def test_a_plan_counts_what_is_taken(desk: Desk, many: str, few: str) -> None:
    def seconds(*texts: str) -> float:
        return next(stage.seconds for stage in planned(desk, *texts).stages if stage.name == "train")

    assert seconds(f"{many}#10", few) == pytest.approx(seconds(f"{many}#14"), rel=0.05)
    assert seconds(many) > 1.5 * seconds(f"{many}#10")


def test_the_run_s_config_holds_every_source_and_gives_the_same_plan(desk: Desk, many: str, few: str) -> None:
    plan = planned(desk, f"{many}#10", f"{few}#2x")
    text = to_toml(plan, {}, {})
    back = from_toml(text, "run.toml")
    assert back.data == plan.choice.data
    assert [(source.ref, source.samples, source.times) for source in back.data.sources] == [
        (many, 10, 1.0),
        (few, 0, 2.0),
    ]
    assert all(len(source.sha256) == 64 and source.format == "qa" for source in back.data.sources)
    assert [stage.digest for stage in desk.plan(back).stages] == [stage.digest for stage in plan.stages]


def test_one_plain_file_needs_no_list(desk: Desk, many: str) -> None:
    choice = desk.data_choice(many)
    assert (choice.ref, choice.format, choice.sources) == (many, "qa", ())
    assert "[[data.sources]]" not in to_toml(planned(desk, many), {}, {})


def test_another_share_is_other_work_and_another_place_is_not(desk: Desk, many: str, tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return next(stage.digest for stage in planned(desk, text).stages if stage.name == "prepare")

    moved = tmp_path / "moved.jsonl"
    moved.write_bytes(Path(many).read_bytes())
    assert digest(f"{many}#10") != digest(f"{many}#11")
    assert digest(f"{many}#10") == digest(f"{moved}#10")


def test_kinds_that_do_not_go_together_are_named(desk: Desk, many: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Words.\n")
    with pytest.raises(WizardError) as caught:
        desk.inspect([many, str(tmp_path / "a.txt")])
    assert caught.value.problem.code == "data-kinds-mixed"
    assert caught.value.problem.params["kinds"][str(tmp_path / "a.txt")] == "text"


def test_a_folder_with_files_in_two_encodings_is_read_again_as_it_was(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    folder.mkdir()
    (folder / "a.csv").write_text("question,answer\n问,答\n", encoding="gb18030")
    (folder / "b.csv").write_text("question,answer\n问,答\n", encoding="utf-8")
    assert desk.inspect(str(folder)).encoding == "gb18030, utf-8"
    assert desk.data_choice(str(folder)).encoding == ""


def test_an_entry_of_llama_factory_is_taken_by_its_name(desk: Desk) -> None:
    folder = Path(__file__).parents[2] / "data" / "files" / "factory"
    report = desk.inspect(f"{folder}:own")
    assert (report.rows, [note.params["taken"] for note in report.notes]) == (4, [2])
    assert desk.inspect(f"{folder}/dataset_info.json:talks").usable == 1
    assert desk.data_choice(f"{folder}:own").sources[0].samples == 2


def test_several_are_typed_on_one_line_and_a_name_with_a_plus_is_one_file(desk: Desk, many: str, few: str) -> None:
    assert desk.inspect(f"{many}#10 + {few}").rows == 44
    assert [source.samples for source in desk.data_choice(f"{many}#10 + {few}").sources] == [10, 0]
    odd = written(Path(many).with_name("a + b.jsonl"), 3, "odd")
    assert desk.inspect(odd).rows == 3
    assert desk.data_choice(f"{odd}#2 + {few}").ref == f"{odd}#2 + {few}"


def test_the_columns_of_a_source_can_be_told_whatever_share_of_it_was_typed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("foo,bar\n1,2\n", encoding="utf-8")
    assert desk.columns(f"{tmp_path}/odd.csv#1 + {tmp_path}/more.csv") == ("foo", "bar")


@pytest.mark.parametrize(
    ("typed", "fault", "code"),
    [
        ("my/rows", "hub-unreachable", "data-nowhere"),
        ("my/rows", "hub-has-no-dataset", "data-nowhere"),
        ("my/rows", "hub-refused", "hub-refused"),
        ("hf::my/rows", "hub-unreachable", "hub-unreachable"),
    ],
)
def test_a_name_that_may_be_a_path_or_a_hub_s_is_told_as_both(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, typed: str, fault: str, code: str
) -> None:
    def none(*_: object) -> None:
        raise WizardError(fault, hub="modelscope", model="my/rows")

    monkeypatch.setattr(hubdata, "brought", none)
    with pytest.raises(WizardError) as told:
        desk.inspect(typed)
    assert told.value.problem.code == code


@pytest.mark.parametrize(("lang", "kinds"), [("en", "few.jsonl: preference pairs"), ("zh", "few.jsonl: 好坏对比")])
def test_sources_of_different_kinds_are_named_in_the_language(
    desk: Desk, many: str, few: str, lang: str, kinds: str
) -> None:
    Path(few).write_text('{"prompt": "a?", "chosen": "b", "rejected": "c"}', encoding="utf-8")
    with pytest.raises(WizardError) as told:
        desk.inspect([many, few])
    fault = told.value.problem
    assert kinds in problem(fault.code, fault.params, lang)["why"]
