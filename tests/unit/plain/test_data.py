"""`data SOURCE` as it is typed: its JSON, its lines, and every way to ask it wrongly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plain.conftest import Typed
from wizard import cli, words
from wizard.plan import to_toml
from wizard.session import Desk

ALWAYS = {
    "kind",
    "format",
    "modality",
    "encoding",
    "mapping",
    "exact",
    "rows",
    "usable",
    "rejected",
    "samples",
    "tasks",
}
ROWS = [
    {"question": "Who are you?", "answer": "A model.", "note": "x"},
    {"question": "Who are you?", "answer": ""},
    {"question": "你是谁？", "answer": "一个模型。"},
    {"question": "Who are you?", "answer": "A model.", "note": "x"},
]


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + "{broken\n", encoding="utf-8")
    return str(path)


def found(command: Typed, *arguments: str) -> dict[str, Any]:
    code, shown, talk = command("data", "--json", *arguments)
    assert (code, talk) == (0, "")
    told: dict[str, Any] = json.loads(shown)
    return told


def problem(command: Typed, *arguments: str) -> str:
    code, shown, _ = command("data", "--json", *arguments)
    assert code == 2
    return str(json.loads(shown)["problem"]["code"])


def test_json_has_every_key_and_rejects_in_english(command: Typed, rows: str) -> None:
    code, shown, _ = command("data", rows, "--json", lang="zh")
    told = json.loads(shown)
    assert code == 0
    assert told.keys() >= ALWAYS
    assert (told["kind"], told["format"], told["encoding"], told["exact"]) == ("messages", "qa", "utf-8", True)
    assert (told["rows"], told["usable"], told["duplicates"]) == (5, 3, 1)
    assert [(row["line"], row["code"]) for row in told["rejected"]] == [(2, "empty-answer"), (5, "bad-json")]
    assert all(row["what"].isascii() and "{" not in row["what"] for row in told["rejected"])
    assert told["samples"][0]["messages"] == [
        {"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "A model."},
    ]  # fmt: skip
    assert told["mapping"] == {"question": "question", "answer": "answer"}
    assert "sft" in told["tasks"]
    assert told["modality"] == ["text"]


def test_each_reason_is_counted_with_its_first_line(command: Typed, rows: str) -> None:
    told = {why["code"]: (why["rows"], why["line"]) for why in found(command, rows)["reasons"]}
    assert told == {"empty-answer": (1, 2), "bad-json": (1, 5)}
    assert {"rows-alike", "rows-few"} == {each["code"] for each in found(command, rows)["remarks"]}


def test_a_reason_that_comes_late_has_its_first_line_too(command: Typed, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = ['{"question": "q", "answer": ""}'] * 1500 + ["{"] * 2 + ['{"question": "q", "answer": "a"}']
    path.write_text("\n".join(lines), encoding="utf-8")
    told = {why["code"]: (why["rows"], why["line"]) for why in found(command, str(path))["reasons"]}
    assert told == {"empty-answer": (1500, 1), "bad-json": (2, 1501)}


def test_rows_of_a_folder_are_named_with_their_file(command: Typed, rows: str) -> None:
    (Path(rows).parent / "other.jsonl").write_text('{"question": "q", "answer": ""}\n')
    told = found(command, str(Path(rows).parent))
    assert {(Path(row["file"]).name, row["line"]) for row in told["rejected"]} == {
        ("rows.jsonl", 2), ("rows.jsonl", 5), ("other.jsonl", 1),
    }  # fmt: skip
    assert "other.jsonl:1" in command("data", str(Path(rows).parent))[1]


def test_the_cut_follows_the_length(command: Typed, rows: str) -> None:
    assert found(command, rows)["cut"] == {"at": 1024, "rows": 0, "unlearnt": 0}
    assert found(command, rows, "--seq-len", "13")["cut"] == {"at": 13, "rows": 3, "unlearnt": 1}


@pytest.mark.parametrize(
    "spelt", [["--map", "question=answer", "answer=question"], ["--map", "question=answer", "--map", "answer=question"]]
)
def test_columns_are_read_as_they_are_told(command: Typed, rows: str, spelt: list[str]) -> None:
    for arguments in ([rows, *spelt], [*spelt, rows]):
        told = found(command, *arguments)
        assert told["mapping"] == {"question": "answer", "answer": "question"}
        assert told["samples"][0]["messages"][0]["content"] == "A model."


def test_a_format_and_an_encoding_are_read_as_they_are_told(command: Typed, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("text,answer\n問題,答案\n".encode("big5"))
    told = found(command, str(path), "--format", "text", "--encoding", "big5")
    assert (told["kind"], told["encoding"], told["samples"][0]["messages"][0]["content"]) == ("text", "big5", "問題")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "usage-lacks"),
        (("--map", "question=q"), "usage-lacks"),
        (("nowhere.jsonl",), "data-missing"),
        (("ROWS", "--format", "yaml"), "data-format-unknown"),
        (("ROWS", "--encoding", "utf-9"), "data-encoding-name"),
        (("ROWS", "--map", "question"), "data-map-unreadable"),
        (("ROWS", "--map", "=question"), "data-map-unreadable"),
        (("ROWS", "--map", "questoin=question"), "data-mapping-role"),
        (("ROWS", "--map", "question=nothing"), "data-mapping-field"),
        (("ROWS", "--model", "qwen3-0.7b"), "unknown-model"),
        (("ROWS", "--seq-len", "0"), "usage-no-number"),
        (("ROWS", "--seq-len", "many"), "usage-no-number"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_each_way_to_ask_wrongly_is_a_problem(command: Typed, rows: str, arguments: tuple[str, ...], code: str) -> None:
    assert problem(command, *(word.replace("ROWS", rows) for word in arguments)) == code


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_people_are_shown_what_is_read_from_where_and_what_is_lost(command: Typed, rows: str, lang: str) -> None:
    code, shown, talk = command("data", rows, lang=lang)
    assert (code, talk) == (0, "")
    assert "question=question, answer=answer" in shown
    for key in ("data.suits", "data.lengths", "data.split", "task.sft", "data.measure.estimated", "data.in.mixed"):
        assert words.say_in(lang, key) in shown
    assert words.say_in(lang, "reject.empty-answer") in shown
    assert "user: Who are you?" in shown
    assert "{" not in shown


def test_for_a_model_the_rows_stand_in_its_template(command: Typed, rows: str) -> None:
    shown = command("data", rows, "--model", "Qwen/Qwen3-0.6B")[1]
    assert "<|im_start|>assistant" in shown


def test_characters_that_cannot_be_printed_stop_nothing(command: Typed, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "q", "answer": "a", "score": NaN}\n{"question": "\\ud800", "answer": "a"}\n')
    told = found(command, str(path))
    assert (told["usable"], told["rejected"][0]["code"]) == (1, "bad-characters")


def test_what_the_verb_says_is_what_the_screen_is_told(command: Typed, rows: str) -> None:
    report, told = Desk().inspect(rows), found(command, rows)
    assert (report.rows, report.usable, dict(report.mapping)) == (told["rows"], told["usable"], told["mapping"])


def test_several_sources_are_told_as_one(command: Typed, rows: str, tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text("提问,回答\n你好,你好！\n", encoding="utf-8")
    told = found(command, rows, str(more))
    assert (told["rows"], told["format"], told["mapping"]) == (6, "qa", {})
    assert found(command, f"{rows} + {more}") == told


def test_a_run_file_s_data_and_what_is_kept_aside_are_said_otherwise_by_flags(
    command: Typed, rows: str, tmp_path: Path
) -> None:
    file = tmp_path / "run.toml"
    desk = Desk()
    plan = desk.plan(desk.choose(desk.best("sft"), desk.data_choice(rows)))
    file.write_text(to_toml(plan, {}, {}), encoding="utf-8")
    other = tmp_path / "other.csv"
    other.write_text("question,answer\n" + "What else?,This.\n" * 3, encoding="utf-8")

    def choice(*flags: str) -> dict[str, Any]:
        code, shown, _ = command("run", str(file), "--check", "--json", *flags)
        assert code == 0
        told: dict[str, Any] = json.loads(shown)["choice"]
        return told

    before, after = choice("--validation", "5%"), choice("--data", str(other), "--copied")
    assert (before["data"]["ref"], before["data"]["validation"], before["questions"][0]) == (rows, 0.05, "Who are you?")
    assert (after["data"]["ref"], after["data"]["copied"], after["questions"]) == (str(other), True, ["What else?"])


@pytest.mark.parametrize("share", ["60%", "-1", "much", "5%%"])
def test_a_share_that_cannot_be_kept_aside_is_a_problem(command: Typed, share: str) -> None:
    code, shown, _ = command("run", "run.toml", f"--validation={share}", "--json")
    assert (code, json.loads(shown)["problem"]["code"]) == (2, "usage-no-share")


def test_own_data_belong_to_the_wizard_and_to_run(command: Typed) -> None:
    code, shown, _ = command("--data", "rows.jsonl", "probe", "--json")
    assert (code, json.loads(shown)["problem"]["code"]) == (2, "usage-unknown-flag")


def test_the_wizard_opens_on_a_goal_that_learns_from_the_data_of_a_flag(command: Typed) -> None:
    draft = cli._given(Desk(), cli.parse(["--data", "rows.jsonl", "--validation=5%"]))
    assert (draft.task, draft.source, draft.path, draft.validation) == ("sft", "path", "rows.jsonl", 0.05)
    assert cli._given(Desk(), cli.parse([])).source is None
