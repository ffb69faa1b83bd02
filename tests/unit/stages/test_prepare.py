from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, REPO, ROWS, StageRun, Stages, environment
from wizard.contract import DataSource

BUNDLED = {"kind": "bundled"}
Written = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def prepare(stage: Stages, trl_python: Path, tiny_model: Path) -> StageRun:
    made = stage("prepare", trl_python)
    made.order({"data": BUNDLED, "rows": ROWS, "knobs": KNOBS}, {"fetch": {"model": tiny_model}})
    return made


def reorder(prepare: StageRun, model: Path, **spec: Any) -> StageRun:
    return prepare.order({"data": BUNDLED, "knobs": KNOBS, **spec}, {"fetch": {"model": model}})


def from_file(path: Path, **more: str) -> dict[str, Any]:
    return {"kind": "path", "sources": [{**asdict(DataSource(ref=str(path))), **more}]}


@pytest.fixture
def written(trl_python: Path) -> Written:
    """The rows as the training reads them: by `datasets`, mapped into memory."""
    read = "import json, sys; from datasets import Dataset; print(json.dumps(list(Dataset.from_file(sys.argv[1]))))"

    def rows(prepare: StageRun, side: str = "rows") -> list[dict[str, Any]]:
        command = [str(trl_python), "-c", read, prepare.done()["outputs"][side]]
        made: list[dict[str, Any]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return made

    return rows


def spoken(row: dict[str, list[int]], tokenizer: Path) -> str:
    """The learnt tokens as text; the tiny model's tokens are bytes."""
    names = {n: text for text, n in json.loads((tokenizer / "tokenizer.json").read_text())["model"]["vocab"].items()}
    return "".join(names.get(token, "|") for token in row["labels"] if token != -100)


def test_the_loss_is_on_the_answers_only(written: Written, prepare: StageRun, tiny_model: Path) -> None:
    assert prepare.run() == 0
    first = written(prepare)[0]
    assert spoken(first, tiny_model) == "ItĠisĠ0,ĠIĠamĠsure.|Ċ"
    assert all(label in (-100, token) for token, label in zip(first["input_ids"], first["labels"], strict=True))


def test_it_says_what_it_counted(written: Written, prepare: StageRun) -> None:
    assert prepare.run() == 0
    done = prepare.done()
    rows = written(prepare)
    assert done["digest"] == "digest-of-this"
    assert done["result"]["rows"] == done["result"]["usable"] == len(rows) == len(ROWS)
    assert done["result"]["tokens"] == sum(len(row["input_ids"]) for row in rows)
    assert done["result"]["longest"] == max(len(row["input_ids"]) for row in rows)
    assert any(package.startswith("tokenizers==") for package in done["packages"])
    assert [event["code"] for event in prepare.events("phase")] == ["check-data", "prepare-rows"]


def test_it_does_not_wait_for_torch(prepare: StageRun) -> None:
    assert prepare.run("-X", "importtime") == 0
    loaded = (prepare.path / "log.txt").read_text()
    assert "tokenizers" in loaded
    assert not any(f" {name}\n" in loaded for name in ("torch", "transformers", "datasets", "pandas"))


def test_several_turns_are_all_learnt(written: Written, prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
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
    assert [(why["code"], why["rows"], why["line"]) for why in report["reasons"]] == [
        ("empty-answer", 1, 4),
        ("bad-json", 1, 5),
    ]
    assert [row["line"] for row in prepare.lines("report.jsonl")] == [4, 5]


def test_long_rows_are_cut_and_rows_without_an_answer_left_out(
    written: Written, prepare: StageRun, tiny_model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "rows.jsonl"
    rows = [{"instruction": "q", "output": "a" * 300}, {"instruction": "q" * 300, "output": "a"}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    assert len(written(prepare)[0]["input_ids"]) == KNOBS["seq_len"]
    result = prepare.done()["result"]
    assert (result["usable"], result["cut"]) == (1, 1)
    assert prepare.notes() == ["rows-rejected", "rows-cut"]


def test_plain_text_is_learnt_whole_and_ended(
    written: Written, prepare: StageRun, tiny_model: Path, tmp_path: Path
) -> None:
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


def lines_of(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def pairs(count: int) -> list[dict[str, str]]:
    return [{"instruction": f"question {n}", "output": f"answer {n}"} for n in range(count)]


def test_the_same_data_are_not_tokenised_again(
    written: Written, prepare: StageRun, stage: Stages, trl_python: Path, tiny_model: Path, tmp_path: Path
) -> None:
    data = lines_of(tmp_path / "rows.jsonl", [*pairs(3), {"instruction": "q", "output": ""}])
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    data = data.rename(tmp_path / "moved.jsonl")
    again = stage("prepare", trl_python, "again")
    assert reorder(again, tiny_model, data=from_file(data)).run() == 0
    assert again.notes() == ["rows-known", "rows-rejected"]
    assert (written(again), again.done()["result"]) == (written(prepare), prepare.done()["result"])
    assert again.lines("report.jsonl") == prepare.lines("report.jsonl")
    other = stage("prepare", trl_python, "other")
    assert reorder(other, tiny_model, data=from_file(data), knobs=KNOBS | {"seq_len": 64}).run() == 0
    assert "rows-known" not in other.notes()


def test_rows_that_are_made_anew_leave_those_of_other_runs_alone(
    written: Written, prepare: StageRun, stage: Stages, trl_python: Path, tiny_model: Path, tmp_path: Path
) -> None:
    data = lines_of(tmp_path / "rows.jsonl", [*pairs(3), {"instruction": "q", "output": ""}])
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    before, told = written(prepare), prepare.lines("report.jsonl")
    again = stage("prepare", trl_python, "again")
    assert reorder(again, tiny_model, data=from_file(data)).run() == 0
    assert reorder(again, tiny_model, rows=ROWS).run() == 0
    assert (written(prepare), prepare.lines("report.jsonl")) == (before, told)


def test_kept_rows_that_were_damaged_are_made_again(
    written: Written, prepare: StageRun, stage: Stages, trl_python: Path, tiny_model: Path
) -> None:
    assert prepare.run() == 0
    (rows,) = (prepare.home / "prepared").glob("*/rows.arrow")
    whole = rows.read_bytes()
    rows.unlink()
    rows.write_bytes(whole[:-9])
    again = stage("prepare", trl_python, "again")
    assert reorder(again, tiny_model, rows=ROWS).run() == 0
    assert again.notes() == []
    assert written(again) == written(prepare)


def test_rows_that_no_run_uses_any_more_are_not_kept(
    prepare: StageRun, stage: Stages, trl_python: Path, tiny_model: Path
) -> None:
    assert prepare.run() == 0
    (prepare.path / "rows.arrow").unlink()
    other = stage("prepare", trl_python, "other")
    assert reorder(other, tiny_model, rows=ROWS[:3]).run() == 0
    assert len(list((prepare.home / "prepared").iterdir())) == 1


def test_several_processes_make_the_same_rows_in_the_same_order(
    written: Written, prepare: StageRun, tiny_model: Path, tmp_path: Path
) -> None:
    rows = [*pairs(5000), {"instruction": "q", "output": ""}]
    data = lines_of(tmp_path / "rows.jsonl", rows)
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    made = written(prepare)
    assert [spoken(row, tiny_model) for row in made] == [f"answerĠ{n}|Ċ" for n in range(5000)]
    assert [row["line"] for row in prepare.lines("report.jsonl")] == [5001]


KILLED = """
import os, signal
from wizard.stages.preparing import batches
if __name__ == "__mp_main__":
    batches.Maker.make = lambda self, batch: os.kill(os.getpid(), signal.SIGKILL)
else:
    from wizard.stages import prepare
    prepare.run(prepare.work)
"""


def test_a_process_that_is_killed_for_memory_is_a_problem_and_no_hang(
    prepare: StageRun, tiny_model: Path, tmp_path: Path
) -> None:
    data = lines_of(tmp_path / "rows.jsonl", pairs(5000))
    reorder(prepare, tiny_model, data=from_file(data))
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    command = [str(prepare.python), str(script), str(prepare.path)]
    done = subprocess.run(command, env=environment(prepare.lib), cwd=prepare.path, timeout=120, capture_output=True)
    assert (done.returncode, prepare.problem()["code"]) == (75, "out-of-memory"), done.stderr.decode()[-2000:]


FULL = """
import sys
from wizard.stages import prepare
prepare.room_for_training = lambda model: 1 << 60
prepare.run(prepare.work)
"""


def test_what_the_disk_cannot_hold_is_counted_and_left_to_be_streamed(
    prepare: StageRun, tiny_model: Path, tmp_path: Path
) -> None:
    data = lines_of(tmp_path / "rows.jsonl", pairs(20))
    reorder(prepare, tiny_model, data=from_file(data))
    command = [str(prepare.python), "-c", FULL, str(prepare.path)]
    subprocess.run(command, env=environment(prepare.lib), cwd=prepare.path, check=True)
    assert prepare.notes() == ["rows-streamed"]
    assert Path(prepare.done()["outputs"]["rows"]).name == "stream.json"
    assert prepare.done()["result"]["usable"] == 20
    assert list(prepare.path.glob("*.arrow")) == []


def test_the_same_row_is_never_on_both_sides(
    written: Written, prepare: StageRun, tiny_model: Path, tmp_path: Path
) -> None:
    data = lines_of(tmp_path / "rows.jsonl", [*pairs(200), *pairs(200)])
    assert reorder(prepare, tiny_model, data={**from_file(data), "validation": 0.2}).run() == 0
    sides = [{tuple(row["input_ids"]) for row in written(prepare, side)} for side in ("rows", "validation")]
    assert not sides[0] & sides[1]
    assert 20 <= len(sides[1]) <= 60
    assert len(written(prepare)) == 2 * len(sides[0])
    assert prepare.done()["result"]["validation"] == 2 * len(sides[1])


def test_that_no_row_came_to_be_kept_aside_is_told(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "one.jsonl"
    data.write_text('{"question": "q", "answer": "a"}\n')
    assert reorder(prepare, tiny_model, data={**from_file(data), "validation": 0.0001}).run() == 0
    assert prepare.done()["result"]["validation"] == 0
    assert prepare.notes() == ["rows-none-aside"]


def test_a_long_text_goes_on_in_the_next_row(
    written: Written, prepare: StageRun, tiny_model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "book.txt"
    data.write_text("x" * 300)
    assert reorder(prepare, tiny_model, data=from_file(data)).run() == 0
    assert [len(row["input_ids"]) for row in written(prepare)] == [128, 128, 45]
    assert "".join(spoken(row, tiny_model) for row in written(prepare)) == "x" * 300 + "|"


def test_a_template_that_fails_on_a_row_refuses_that_row(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    template = (model / "chat_template.jinja").read_text()
    (model / "chat_template.jinja").write_text(
        "{% if messages[0].content == 'question 1' %}{{ 1 + messages }}{% endif %}" + template
    )
    data = lines_of(tmp_path / "rows.jsonl", pairs(3))
    assert reorder(prepare, model, data=from_file(data)).run() == 0
    assert [(row["line"], row["code"]) for row in prepare.lines("report.jsonl")] == [(2, "template-refuses")]


def test_data_that_are_copied_here_first_leave_no_copy(prepare: StageRun, tiny_model: Path, tmp_path: Path) -> None:
    data = lines_of(tmp_path / "rows.jsonl", pairs(3))
    assert reorder(prepare, tiny_model, data={**from_file(data), "copied": True}).run() == 0
    assert [event["code"] for event in prepare.events("phase")] == ["copy-data", "check-data", "prepare-rows"]
    assert prepare.done()["result"]["usable"] == 3
    assert list((prepare.home / "data").iterdir()) == []
    data.unlink()
    assert reorder(prepare, tiny_model, data={**from_file(data), "copied": True}).run() == 1
    assert prepare.problem()["code"] == "data-gone"


ABORTING = """
import os, runpy, sys
import wizard.data.files.rows
sys.modules["wizard.data.files.rows"].columnar = lambda *_: os.abort()
sys.argv = ["prepare", "{folder}"]
runpy.run_module("wizard.stages.prepare", run_name="__main__")
"""


def test_a_binary_file_that_ends_its_reader_leaves_its_name(prepare: StageRun, tiny_model: Path) -> None:
    file = REPO / "tests" / "data" / "files" / "pairs.parquet"
    reorder(prepare, tiny_model, data=from_file(file))
    program = ABORTING.format(folder=prepare.path)
    done = subprocess.run([str(prepare.python), "-c", program], env=environment(prepare.lib), capture_output=True)
    assert done.returncode == -signal.SIGABRT
    note = prepare.path / "reading.json"
    assert json.loads(note.read_text()) == {"path": str(file)}
    assert prepare.run() == 0
    assert not note.exists()
