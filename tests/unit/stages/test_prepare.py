from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, ROWS, StageRun, Stages
from wizard.contract import DataSource

BUNDLED = {"kind": "bundled"}


@pytest.fixture
def prepare(stage: Stages, trl_python: Path, tiny_model: Path) -> StageRun:
    made = stage("prepare", trl_python)
    made.order({"data": BUNDLED, "rows": ROWS, "knobs": KNOBS}, {"fetch": {"model": tiny_model}})
    return made


def reorder(prepare: StageRun, model: Path, **spec: Any) -> StageRun:
    return prepare.order({"data": BUNDLED, "knobs": KNOBS, **spec}, {"fetch": {"model": model}})


def from_file(path: Path, **more: str) -> dict[str, Any]:
    return {"kind": "path", "sources": [{**asdict(DataSource(ref=str(path))), **more}]}


def written(prepare: StageRun) -> list[dict[str, list[int]]]:
    lines = Path(prepare.done()["outputs"]["rows"]).read_text().splitlines()
    return [json.loads(line) for line in lines]


def spoken(row: dict[str, list[int]], tokenizer: Path) -> str:
    """The learnt tokens as text; the tiny model's tokens are bytes."""
    names = {n: text for text, n in json.loads((tokenizer / "tokenizer.json").read_text())["model"]["vocab"].items()}
    return "".join(names.get(token, "|") for token in row["labels"] if token != -100)


def test_the_loss_is_on_the_answers_only(prepare: StageRun, tiny_model: Path) -> None:
    assert prepare.run() == 0
    first = written(prepare)[0]
    assert spoken(first, tiny_model) == "ItĠisĠ0,ĠIĠamĠsure.|Ċ"
    assert all(label in (-100, token) for token, label in zip(first["input_ids"], first["labels"], strict=True))


def test_it_says_what_it_counted(prepare: StageRun) -> None:
    assert prepare.run() == 0
    done = prepare.done()
    rows = written(prepare)
    assert done["digest"] == "digest-of-this"
    assert done["result"]["rows"] == done["result"]["usable"] == len(rows) == len(ROWS)
    assert done["result"]["tokens"] == sum(len(row["input_ids"]) for row in rows)
    assert done["result"]["longest"] == max(len(row["input_ids"]) for row in rows)
    assert any(package.startswith("tokenizers==") for package in done["packages"])
    assert [event["code"] for event in prepare.events("phase")] == ["prepare-rows"]


def test_it_does_not_wait_for_torch(prepare: StageRun) -> None:
    assert prepare.run("-X", "importtime") == 0
    loaded = (prepare.path / "log.txt").read_text()
    assert "tokenizers" in loaded
    assert "| torch" not in loaded and " transformers" not in loaded


def test_several_turns_are_all_learnt(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    talk = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    data = tmp_path / "talks.jsonl"
    data.write_text(json.dumps({"messages": [{"role": role, "content": text} for role, text in talk]}) + "\n")
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    assert spoken(written(prepare)[0], tiny_model) == "b|Ċd|Ċ"


def test_a_file_s_bad_rows_are_left_out_and_counted(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    rows = [json.dumps({"instruction": f"q{n}", "output": "a"}) for n in range(3)]
    data.write_text("\n".join([*rows, json.dumps({"instruction": "q", "output": ""}), "{broken"]) + "\n")
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    result = prepare.done()["result"]
    assert (result["rows"], result["usable"], result["rejected"]) == (5, 3, 2)
    assert prepare.notes() == ["rows-rejected"]
    report = json.loads((prepare.path / "report.json").read_text())
    assert [example["line"] for example in report["examples"]] == [4, 5]


def test_long_rows_are_cut_and_rows_without_an_answer_left_out(
    prepare: StageRun, tiny_model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "rows.jsonl"
    rows = [{"instruction": "q", "output": "a" * 300}, {"instruction": "q" * 300, "output": "a"}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    assert len(written(prepare)[0]["input_ids"]) == KNOBS["seq_len"]
    result = prepare.done()["result"]
    assert (result["usable"], result["cut"]) == (1, 1)
    assert prepare.notes() == ["rows-rejected", "rows-cut"]


def test_plain_text_is_learnt_whole_and_ended(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "book.txt"
    data.write_text("Once upon.\n\nThe end.\n")
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    assert [spoken(row, tiny_model) for row in written(prepare)] == ["OnceĠupon.|", "TheĠend.|"]


def test_no_usable_row_is_a_problem(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps({"instruction": "q" * 300, "output": "a"}) + "\n")
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 1
    problem = prepare.problem()
    assert (problem["code"], problem["params"]["code"]) == ("no-usable-rows", "answer-cut-off")
    assert not (prepare.path / "done.json").exists()


@pytest.mark.parametrize(
    ("content", "sha256", "code"),
    [
        (b"", "", "data-empty"),
        (b"\x7fELF\x00\x00\x01\x02" * 40, "", "data-binary"),
        (b'{"instruction": "q", "output": "a"}\n', "other", "data-changed"),
        (None, "", "data-gone"),
    ],
)
def test_bad_data_ends_as_its_problem(
    prepare: StageRun, tiny_model: Path, tmp_path: Path, content: bytes | None, sha256: str, code: str
) -> None:
    data = tmp_path / "rows.jsonl"
    if content is not None:
        data.write_bytes(content)
    assert reorder(prepare, tiny_model, data=from_file(data, sha256=sha256)).run() == 1
    assert prepare.problem()["code"] == code


def test_the_planned_bytes_are_accepted(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "rows.jsonl"
    data.write_text('{"instruction": "问", "output": "答"}\n', encoding="gb18030")
    known = hashlib.sha256(data.read_bytes()).hexdigest()
    assert reorder(prepare, tiny_model, data=from_file(data, sha256=known)).run() == 0


def test_a_model_without_a_template_is_refused(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for name in ("tokenizer.json", "config.json"):
        (copy / name).write_bytes((tiny_model / name).read_bytes())
    (copy / "tokenizer_config.json").write_text("{}")
    assert reorder(prepare, copy, rows=ROWS).run() == 1
    assert prepare.problem()["code"] == "no-chat-template"
