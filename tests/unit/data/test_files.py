from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import random
from pathlib import Path

import pytest
from arro3.core import Array, DataType, RecordBatchReader, Table
from arro3.io import write_ipc_stream, write_parquet

from wizard.data.files import open_source
from wizard.data.readers import identity_of, inspect, inspect_text, keep_text
from wizard.errors import WizardError

ROW = '{"question": "q", "answer": "a"}\n'


def _code(path: Path, **told: object) -> str:
    with pytest.raises(WizardError) as caught:
        inspect(path, **told)  # type: ignore[arg-type]
    return caught.value.problem.code


def test_a_missing_file_names_the_one_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(ROW)
    with pytest.raises(WizardError) as caught:
        inspect(tmp_path / "row.jsonl")
    assert caught.value.problem.code == "data-missing-near"
    assert caught.value.problem.params["near"] == str(tmp_path / "rows.jsonl")


def test_paths_that_are_no_readable_file_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert _code(tmp_path / "nothing" / "there") == "data-missing"
    assert _code(tmp_path) == "data-folder-empty"
    assert _code(tmp_path / "pipe") == "data-not-a-file"
    assert _code(Path("/dev/zero")) == "data-not-a-file"
    assert _code(Path("bad\0name")) == "data-missing"


def test_a_file_that_the_system_refuses_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert _code(path) == "data-unreadable"


def test_a_path_with_spaces_and_chinese_is_read(tmp_path: Path) -> None:
    path = tmp_path / "我的 数据.jsonl"
    path.write_text(ROW)
    assert inspect(str(path)).usable == 1


def test_a_name_without_suffix_is_looked_into(tmp_path: Path) -> None:
    for text, form in ((ROW * 2, "qa"), (f"[{ROW}]", "qa"), ("Words.\n", "text")):
        (tmp_path / "rows").write_text(text)
        assert inspect(tmp_path / "rows").format == form


def test_what_a_person_says_goes_before_what_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("question,answer,短\nq,a,b\n".encode("big5"))
    report = inspect(path, encoding="big5", mapping={"answer": "短"})
    assert report.mapping == {"question": "question", "answer": "短"}
    assert report.samples[0]["messages"][1]["content"] == "b"
    assert inspect(path, encoding="big5", format="text", mapping={"text": "短"}).kind == "text"


def test_wrong_sayings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW)
    assert _code(path, encoding="utf-88") == "data-encoding-name"
    assert _code(path, encoding="base64") == "data-encoding-name"
    assert _code(path, encoding="utf-16") == "data-encoding-wrong"
    assert _code(path, format="sharegtp") == "data-format-unknown"
    assert _code(path, format="openai") == "data-fields-missing"
    assert _code(path, mapping={"question": "nowhere"}) == "data-mapping-field"
    assert _code(path, format="qa", mapping={"moral": "answer"}) == "data-mapping-role"


def test_the_report_is_enough_to_read_the_same_again(corpus: Path, expected: dict[str, dict[str, object]]) -> None:
    for name in (name for name, told in expected.items() if "problem" not in told):
        first = inspect(corpus / name)
        again = inspect(corpus / name, encoding=first.encoding, format=first.format, mapping=first.mapping)
        assert again == first


def test_rejected_rows_are_all_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW + '{"question": "q", "answer": ""}\n' * 3000)
    report = inspect(path)
    assert (report.rows, report.usable, len(report.rejected)) == (3001, 1, 1000)
    assert report.reasons == {"empty-answer": 3000}
    assert report.rejected[0].line == 2


def test_a_large_file_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.data.readers.sampling.HEAD_BYTES", 100_000)
    path = tmp_path / "rows.jsonl"
    path.write_text((ROW * 9 + "{broken\n") * 5000)
    report = inspect(path, whole_bytes=1 << 20)
    assert not report.exact
    assert report.rows == pytest.approx(50_000, rel=0.2)
    assert report.usable == pytest.approx(45_000, rel=0.2)


@pytest.mark.parametrize("name", ["rows.csv", "rows.json", "rows.txt", "utf16.jsonl"])
def test_large_files_of_other_cuts_are_sampled_at_their_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("wizard.data.readers.sampling.HEAD_BYTES", 100_001)
    rows = [{"question": f"q {number:05}", "answer": "a\nb"} for number in range(10_000)]
    texts = {
        "rows.csv": "question,answer\n" + "".join(f'{row["question"]},"{row["answer"]}"\n' for row in rows),
        "rows.json": json.dumps(rows, indent=1),
        "rows.txt": "".join(f"{row['question']}\n\n" for row in rows),
        "utf16.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
    }
    (tmp_path / name).write_text(texts[name], encoding="utf-16" if name == "utf16.jsonl" else "utf-8")
    report = inspect(tmp_path / name, whole_bytes=10_000)
    assert not report.exact
    assert report.rows == pytest.approx(10_000, rel=0.1)


def test_a_large_table_is_sampled_all_over_where_no_cell_has_two_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.data.readers.sampling.HEAD_BYTES", 100_000)
    path = tmp_path / "rows.csv"
    lines = [f"q {number},{'late' if number > 30_000 else 'early'} {number}\n" for number in range(60_000)]
    path.write_text("question,answer\n" + "".join(lines))
    report = inspect(path, whole_bytes=10_000)
    assert (report.exact, report.notes) == (False, ())
    assert report.rows == pytest.approx(60_000, rel=0.1)


def test_a_large_parquet_file_is_sampled_all_over_and_knows_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    numbers = [str(number) for number in range(20_000)]
    column = Array(numbers, DataType.string())
    write_parquet(Table.from_pydict({"question": column, "answer": column}), str(path), max_row_group_size=1000)
    report = inspect(path, whole_bytes=10_000)
    assert (report.exact, report.rows, report.notes) == (False, 20_000, ())
    assert sum(report.lengths.values()) == 8 * 500
    assert max(report.lengths) > min(report.lengths)


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.arrow"])
def test_of_what_cannot_be_jumped_about_in_the_head_is_looked_at_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("wizard.data.readers.sampling.HEAD_BYTES", 300_000)
    path, rows = tmp_path / name, [random.Random(number).randbytes(20).hex() for number in range(40_000)]
    column = Array(rows, DataType.string())
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress("".join(json.dumps({"question": q, "answer": q}) + "\n" for q in rows).encode()))
    else:
        table = Table.from_pydict({"question": column, "answer": column})
        batches = table.rechunk(max_chunksize=500).to_batches()
        write_ipc_stream(RecordBatchReader.from_batches(table.schema, batches), path)
    report = inspect(path, whole_bytes=100_000)
    assert (report.exact, [note.code for note in report.notes]) == (False, ["data-head-only"])
    assert report.rows == pytest.approx(40_000, rel=0.3)


def test_a_large_folder_is_sampled_file_by_file(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.jsonl").write_text(ROW * 2000 + "{broken\n" * (number == 0))
    report = inspect(tmp_path, whole_bytes=10_000)
    assert (report.exact, report.rejected[0].file, int(report.rejected[0].line)) == (False, "00.jsonl", 2001)
    assert report.rows == pytest.approx(60_000, rel=0.1)


def test_an_encoding_that_shows_late_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("WHOLE_BYTES", 100_000), ("LARGE_HEAD", 10_000)):
        monkeypatch.setattr(f"wizard.data.files.containers.{name}", size)
    path = tmp_path / "rows.jsonl"
    path.write_bytes((ROW * 10_000).encode() + (ROW.replace('"q"', '"中文"') * 10_000).encode("gb18030"))
    assert inspect(path, whole_bytes=100_000).encoding == "gb18030"


def test_rows_are_numbered_and_the_hash_is_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n" + ROW)
    assert list(open_source(path).rows) == [(2, {"question": "q", "answer": "a"})]
    assert identity_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "form", "suffix"),
    [
        (ROW * 2, "qa", ".jsonl"),
        ('[{"instruction": "i", "output": "o"}]', "alpaca", ".json"),
        ("question\tanswer\nq\ta\n", "qa", ".tsv"),
        ("问题,答案\n你好,再见\n", "qa", ".csv"),
        ("Just a text, with a comma.\n\nAnd another.", "text", ".txt"),
    ],
)
def test_pasted_rows_are_recognised_and_kept_once(tmp_path: Path, text: str, form: str, suffix: str) -> None:
    report = inspect_text(text)
    assert report.format == form
    path = keep_text(text, tmp_path / "pasted")
    assert path == keep_text(text, tmp_path / "pasted")
    assert path.suffix == suffix
    assert inspect(path).samples == report.samples
    assert len(list(path.parent.iterdir())) == 1


def test_nothing_pasted_is_a_problem() -> None:
    with pytest.raises(WizardError) as caught:
        inspect_text(" \n")
    assert caught.value.problem.code == "data-empty"
