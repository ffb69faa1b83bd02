"""Archives and folders: nothing comes out of them but rows, and no more than is good."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zipfile
from pathlib import Path

import pytest

from wizard.data.files import parts, tree
from wizard.data.readers import inspect
from wizard.data.shape import DataFault
from wizard.errors import WizardError

ROW = '{"question": "q", "answer": "a"}\n'


def row(asked: str) -> str:
    return json.dumps({"question": asked, "answer": "a"}) + "\n"


def code(path: Path, **told: object) -> str:
    with pytest.raises(WizardError) as caught:
        inspect(path, **told)  # type: ignore[arg-type]
    return caught.value.problem.code


def made(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test can reach."""
    for module in (parts, tree):
        monkeypatch.setattr(module, "FREE_BYTES", 100_000)
        monkeypatch.setattr(module, "MOST_TIMES", 20)


def test_what_unpacks_to_too_much_is_stopped(tmp_path: Path, strict: None) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(ROW.encode() * 100_000))
    assert code(path) == "data-bomb"
    assert code(made(tmp_path / "bomb.zip", {"a.jsonl": ROW * 100_000})) == "data-bomb"


def test_honest_archives_are_not_stopped(tmp_path: Path, strict: None) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("".join(row(os.urandom(9).hex()) for _ in range(9000)).encode()))
    assert inspect(path).rows == 9000


def test_a_zip_that_lies_about_its_sizes_is_stopped_while_it_is_read(tmp_path: Path, strict: None) -> None:
    path = made(tmp_path / "liar.zip", {"a.jsonl": ROW * 100_000})
    size = (len(ROW) * 100_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (2000).to_bytes(4, "little")))
    assert code(path) in ("data-bomb", "data-archive-broken")


@pytest.mark.parametrize(("place", "value"), [(6, b"\xff\xff"), (42, b"\xff\xff\xff\xff"), (8, b"\x08\x08")])
def test_a_zip_whose_list_is_nonsense_is_broken(tmp_path: Path, place: int, value: bytes) -> None:
    """The version that is needed, where a member begins, and an encoding of names that they are not in."""
    path = made(tmp_path / "a.zip", {"XX.jsonl": ROW, "b.jsonl": ROW})
    data = bytearray(path.read_bytes().replace(b"XX.jsonl", b"\xff\xfe.jsonl"))
    entry = data.index(b"PK\x01\x02")
    data[entry + place : entry + place + len(value)] = value
    path.write_bytes(data)
    assert code(path) in ("data-archive-broken", "data-sheet-broken")


def test_a_member_without_a_name_is_left_out(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", {"N.jsonl": ROW, "b.jsonl": ROW})
    path.write_bytes(path.read_bytes().replace(b"N.jsonl", b"\0.jsonl"))
    assert inspect(path).rows == 1


def test_a_zip_that_lost_a_member_while_it_was_read_is_broken(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", {"a.jsonl": ROW})
    part = tree.archive(path).part("a.jsonl")
    made(path, {"other.jsonl": ROW})
    with pytest.raises(DataFault, match="data-archive-broken"):
        _ = part.bytes


def test_nothing_is_written_beside_an_archive_or_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "deep").mkdir()
    path = made(tmp_path / "deep" / "a.zip", {"../up.jsonl": ROW, "/abs.jsonl": ROW, "in/rows.jsonl": ROW})
    before = sorted(tmp_path.rglob("*"))
    report = inspect(path)
    assert (report.rows, [note.code for note in report.notes]) == (1, ["data-files-skipped"])
    assert sorted(tmp_path.rglob("*")) == before


def test_names_that_a_chinese_windows_wrote_are_read(tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", {"XX.jsonl": "{broken\n" + ROW, "b.jsonl": ROW})
    path.write_bytes(path.read_bytes().replace(b"XX.jsonl", "好.jsonl".encode("gbk")))
    assert [row.file for row in inspect(path).rejected] == ["好.jsonl"]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/z.jsonl", "a/10.jsonl", ".git/x.jsonl", "__pycache__/y.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(row(name))
    report = inspect(tmp_path)
    assert [sample["messages"][0]["content"] for sample in report.samples] == ["a/10.jsonl", "a/z.jsonl", "b.jsonl"]
    assert (report.rows, [note.params["files"] for note in report.notes]) == (3, [])


def test_links_in_circles_end(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(ROW)
    (tmp_path / "again").symlink_to(tmp_path)
    assert inspect(tmp_path).rows == 1


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_FILES", 3)
    for number in range(5):
        (tmp_path / f"{number}.jsonl").write_text(ROW)
    assert code(tmp_path) == "data-too-many-files"


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl").write_text(ROW)
    (tmp_path / "b.jsonl").write_text(ROW)
    real = Path.open

    def refuse(path: Path, *arguments: object, **options: object) -> object:
        if path.name == "b.jsonl":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WizardError) as caught:
        inspect(tmp_path)
    assert caught.value.problem.code == "data-unreadable"
    assert caught.value.problem.params["path"] == str(tmp_path / "b.jsonl")


@pytest.mark.parametrize(
    ("subset", "split", "rows"),
    [("zh", "", 3), ("zh", "test", 2), ("en", "", 5), ("zh/en", "train", 8)],
)
def test_a_card_says_which_files_are_which(corpus_of_files: Path, subset: str, split: str, rows: int) -> None:
    assert inspect(corpus_of_files / "card", subset=subset, split=split).rows == rows


def test_names_say_the_splits_where_no_card_does(corpus_of_files: Path) -> None:
    assert inspect(corpus_of_files / "splits", split="test").rows == 1
    assert inspect(corpus_of_files / "snapshot", split="test").rows == 1
    assert inspect(corpus_of_files / "saved-splits", split="test").rows == 1
    assert code(corpus_of_files / "splits", split="dev") == "data-split-unknown"


def test_a_folder_is_a_subset(tmp_path: Path) -> None:
    for name in ("zh/train.jsonl", "zh/test.jsonl", "en/train.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(ROW * len(name))
    assert inspect(tmp_path, subset="zh").rows == len("zh/train.jsonl")
    assert code(tmp_path, subset="fr") == "data-subset-unknown"


def test_a_sheet_is_taken_by_its_name(corpus_of_files: Path) -> None:
    assert inspect(corpus_of_files / "sheets.xlsx", subset="old").rows == 1
    assert code(corpus_of_files / "sheets.xlsx", subset="new") == "data-sheet-unknown"


@pytest.mark.parametrize(
    "card", ["configs: [*a]", "configs: &a [*a]", ": : :\n\t", "configs: 7", "!!python/object/apply:os.system [ls]"]
)
def test_a_card_that_is_odd_says_nothing(tmp_path: Path, card: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{card}\n---\n")
    (tmp_path / "rows.jsonl").write_text(ROW)
    assert inspect(tmp_path).rows == 1


def test_a_saved_data_set_that_lost_a_shard_is_not_read_in_part(corpus_of_files: Path, tmp_path: Path) -> None:
    for path in (corpus_of_files / "saved").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    state = json.loads((tmp_path / "state.json").read_text())
    state["_data_files"].append({"filename": "data-00001-of-00002.arrow"})
    (tmp_path / "state.json").write_text(json.dumps(state))
    assert code(tmp_path) == "data-part-missing"
