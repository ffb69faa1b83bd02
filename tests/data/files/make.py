"""Makes this corpus with the real writers: pyarrow, datasets, openpyxl, xlwt, odfpy, msoffcrypto-tool, pyzipper.

uv run --with pyarrow,datasets,openpyxl,xlwt,odfpy,msoffcrypto-tool,pyzipper,backports.zstd tests/data/files/make.py

`expected.json` beside it is written by hand.
"""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import shutil
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyzipper
import xlwt
from backports import zstd
from datasets import Dataset, DatasetDict
from msoffcrypto.format.ooxml import OOXMLFile
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

HERE = Path(__file__).parent
KEPT = ("make.py", "expected.json")
PAIRS = [{"question": f"第{number}个问题？", "answer": f"answer {number}"} for number in range(1, 6)]
TALKS = [
    {"messages": [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}]}
    for row in PAIRS
]


def lines(rows: list[dict], encoding: str = "utf-8") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(encoding)


def comma(rows: list[dict]) -> str:
    text = io.StringIO()
    made = csv.DictWriter(text, rows[0])
    made.writeheader()
    made.writerows(rows)
    return text.getvalue()


def put(name: str, data: bytes) -> None:
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def book(name: str, sheets: dict[str, list[list]], merged: str = "") -> None:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
        if merged:
            sheet.merge_cells(merged)
    made.save(HERE / name)


def zipped(name: str, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(HERE / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


def parquet(rows: list[dict], **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, **options)
    return sink.getvalue()


for path in HERE.iterdir():
    if path.name not in KEPT:
        shutil.rmtree(path) if path.is_dir() else path.unlink()

HEADER, CELLS = ["question", "answer"], [[row["question"], row["answer"]] for row in PAIRS]

# containers
put("pairs.parquet", parquet(PAIRS))
put("talks.zstd.parquet", parquet(TALKS, compression="zstd", row_group_size=2))
put("no-suffix-parquet", parquet(PAIRS))
typed = [{"question": "when?", "answer": datetime.datetime(2026, 5, 1)}, {"question": "how many?", "answer": None}]
put("typed.parquet", parquet(typed))
table = pa.Table.from_pylist(TALKS)
with pa.OSFile(str(HERE / "stream.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table, max_chunksize=2)
options = pa.ipc.IpcWriteOptions(compression="lz4")
with (
    pa.OSFile(str(HERE / "file.feather"), "wb") as sink,
    pa.ipc.new_file(sink, table.schema, options=options) as writer,
):
    writer.write_table(table)
Dataset.from_list(PAIRS).save_to_disk(str(HERE / "saved"))
DatasetDict({"train": Dataset.from_list(PAIRS[:4]), "test": Dataset.from_list(PAIRS[4:])}).save_to_disk(
    str(HERE / "saved-splits")
)
book("pairs.xlsx", {"Sheet1": [HEADER, *CELLS]})
book("sheets.xlsx", {"说明": [], "数据": [HEADER, *CELLS], "old": [HEADER, CELLS[0]]})
book("numbers.xlsx", {"a": [HEADER, ["2+2?", 4], ["pi?", 3.5], ["today?", datetime.date(2026, 5, 1)], ["yes?", True]]})
book("titled.xlsx", {"a": [["题库", None], HEADER, *CELLS]}, merged="A1:B1")
book("twice.xlsx", {"a": [["question", "answer", "answer"], ["q", "a", "b"]]})
book("formula.xlsx", {"a": [HEADER, ["2+2?", "=2+2"], ["q", "a"]]})
book("empty.xlsx", {"a": [], "b": [HEADER]})
old = xlwt.Workbook()
sheet = old.add_sheet("a")
for at, row in enumerate([HEADER, *CELLS]):
    for column, cell in enumerate(row):
        sheet.write(at, column, cell)
old.save(str(HERE / "old.xls"))
document = OpenDocumentSpreadsheet()
sheet = Table(name="a")
for row in [HEADER, *CELLS]:
    line = TableRow()
    for cell in row:
        made = TableCell(valuetype="string")
        made.addElement(P(text=cell))
        line.addElement(made)
    sheet.addElement(line)
document.spreadsheet.addElement(sheet)
document.save(str(HERE / "free.ods"))
locked = io.BytesIO()
with (HERE / "pairs.xlsx").open("rb") as file:
    OOXMLFile(file).encrypt("password", locked)
put("password.xlsx", locked.getvalue())

# packed
put("pairs.jsonl.gz", gzip.compress(lines(PAIRS), mtime=0))
put("pairs.jsonl.zst", zstd.compress(lines(PAIRS)))
put("pairs.csv.gz", gzip.compress(comma(PAIRS).encode("gb18030"), mtime=0))
put("pairs.parquet.gz", gzip.compress(parquet(PAIRS), mtime=0))
put("packed-without-a-suffix", gzip.compress(lines(PAIRS), mtime=0))
zipped("one.zip", {"rows.jsonl": lines(PAIRS)})
zipped("several.zip", {"b.jsonl": lines(PAIRS[3:]), "a.jsonl": lines(PAIRS[:3]), "__MACOSX/._a.jsonl": b"\0\5\x16\7"})
zipped("book.zip", {"数据/pairs.xlsx": (HERE / "pairs.xlsx").read_bytes(), "README.md": b"# about"})
put("cut.jsonl.gz", gzip.compress(lines(PAIRS * 50), mtime=0)[:-60])
put("cut.jsonl.zst", zstd.compress(lines(PAIRS * 50))[:-20])
zipped(
    "slip.zip", {"../../outside.jsonl": lines(PAIRS), "/etc/rows.jsonl": lines(PAIRS), "rows.jsonl": lines(PAIRS[:2])}
)
zipped("nested.zip", {"inner.zip": (HERE / "one.zip").read_bytes()})
put("nested.gz", gzip.compress(gzip.compress(lines(PAIRS), mtime=0), mtime=0))
zipped("nothing.zip", {"a.png": b"\x89PNG", "b.py": b"print()"})
put("cut.zip", (HERE / "several.zip").read_bytes()[:200])
with pyzipper.AESZipFile(HERE / "locked.zip", "w", encryption=pyzipper.WZ_AES) as archive:
    archive.setpassword(b"password")
    archive.writestr("rows.jsonl", lines(PAIRS))
put("bomb.jsonl.gz", gzip.compress(lines([{"question": "q", "answer": "a"}]) * 100_000, mtime=0))

# names that lie
put("really-lines.csv", lines(PAIRS))
put("really-a-table.json", comma(PAIRS).encode())
put("really-lines.parquet", lines(PAIRS))
put(
    "really-a-table.xls",
    "\t".join(HEADER).encode("utf-16") + "".join(f"\n{q}\t{a}" for q, a in CELLS).encode("utf-16-le"),
)
put("zeros.parquet", bytes(400))
put("cut.parquet", parquet(PAIRS)[:-100])
whole = parquet(PAIRS)
put("damaged.parquet", whole[:40] + b"\xff" * 20 + whole[60:])
put("cut.arrow", (HERE / "stream.arrow").read_bytes()[:700])
put("letter.docx", b"")
zipped("letter.docx", {"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"})
put("shift.jsonl", lines([{"question": "これは何ですか", "answer": "本です"}], "shift_jis"))
put("twice.csv", b"question,answer,answer\nq,a,b\n")

# folders
for name, rows in (("a.jsonl", PAIRS[:2]), ("deep/er/b.jsonl", PAIRS[2:]), (".cache/c.jsonl", PAIRS)):
    put(f"nested/{name}", lines(rows))
put("nested/README.md", b"# about")
put("nested/broken.jsonl", lines(PAIRS[:1]) + b"{broken\n")
put("mixed/a.jsonl", lines(PAIRS))
put("mixed/b.parquet", parquet(PAIRS))
put("splits/train.jsonl", lines(PAIRS[:4]))
put("splits/test.jsonl", lines(PAIRS[4:]))
put("splits/logo.png", b"\x89PNG")
for name, rows in (
    ("train-00000-of-00002", PAIRS[:2]),
    ("train-00001-of-00002", PAIRS[2:4]),
    ("test-00000-of-00001", PAIRS[4:]),
):
    put(f"snapshot/data/{name}.parquet", parquet(rows))
put("snapshot/README.md", b"---\nlicense: mit\n---\n# A data set\n")
put("snapshot/load.py", b"raise SystemExit\n")
put(
    "card/README.md",
    b"---\nconfigs:\n- config_name: zh\n  data_files:\n  - split: train\n    path: chinese/*.jsonl\n  - split: test\n"
    b"    path: held/zh.jsonl\n- config_name: en\n  data_files: english.jsonl\n---\n",
)
put("card/chinese/a.jsonl", lines(PAIRS[:1]))
put("card/chinese/b.jsonl", lines(PAIRS[1:3]))
put("card/held/zh.jsonl", lines(PAIRS[3:]))
put("card/english.jsonl", lines(PAIRS))
put("encodings/a.csv", comma(PAIRS[:3]).encode("gb18030"))
put("encodings/b.csv", comma(PAIRS[3:]).encode("utf-8-sig"))
put("texts/1.txt", "一段话。\n\n又一段。\n".encode())
put("texts/2.md", b"# A title\n\nWords.\n")
put("empty-folder/.gitkeep", b"")
put(
    "factory/dataset_info.json",
    json.dumps(
        {
            "own": {"file_name": "own.json", "columns": {"prompt": "ask", "response": "reply"}, "num_samples": 2},
            "talks": {
                "file_name": "talks.jsonl",
                "formatting": "sharegpt",
                "columns": {"messages": "chat"},
                "tags": {"role_tag": "who", "content_tag": "says"},
            },
            "far": {"ms_hub_url": "org/zh", "hf_hub_url": "org/en", "subset": "a", "split": "train", "folder": "f"},
            "program": {"script_url": "load"},
        },
        indent=1,
    ).encode(),
)
put("factory/own.json", json.dumps([{"ask": f"q{n}", "reply": f"a{n}"} for n in range(4)]).encode())
put("factory/talks.jsonl", lines([{"chat": [{"who": "human", "says": "q"}, {"who": "gpt", "says": "a"}]}]))
