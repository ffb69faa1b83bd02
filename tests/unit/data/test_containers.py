"""The same rows through every container are the same examples, with the same line numbers."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from arro3 import io as arrow
from arro3.core import Array, DataType, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wizard.contract import Rejected
from wizard.data.files import open_source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# What a spreadsheet's cell can hold: no control characters, and nothing that looks like a number or a formula to it.
_letters = st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn"), exclude_characters="\ufeff\u2028\u2029_")
TEXTS = st.text(_letters, min_size=1, max_size=30).map(lambda text: f"x{text.strip()}y")
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8)
Pairs = list[tuple[str, str]]


def _objects(pairs: Pairs) -> list[dict[str, str]]:
    return [{"question": asked, "answer": answered} for asked, answered in pairs]


def _lines(pairs: Pairs) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _objects(pairs)).encode()


def _comma(pairs: Pairs) -> bytes:
    sheet = io.StringIO()
    csv.writer(sheet).writerows([("question", "answer"), *pairs])
    return sheet.getvalue().encode("utf-8-sig")


def _table(pairs: Pairs) -> Table:
    asked, answered = (Array(list(column), DataType.string()) for column in zip(*pairs, strict=True))
    return Table.from_pydict({"question": asked, "answer": answered})


def _arrow(write: Callable[..., None]) -> Callable[[Pairs], bytes]:
    def written(pairs: Pairs) -> bytes:
        sink = io.BytesIO()
        write(_table(pairs), sink)
        return sink.getvalue()

    return written


def _book(pairs: Pairs) -> bytes:
    made = openpyxl.Workbook()
    for row in [("question", "answer"), *pairs]:
        made.active.append(row)
    sink = io.BytesIO()
    made.save(sink)
    return sink.getvalue()


def _zip(pairs: Pairs) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("数据/rows.jsonl", _lines(pairs))
    return sink.getvalue()


CONTAINERS: dict[str, Callable[[Pairs], bytes]] = {
    "a.jsonl": _lines,
    "a.json": lambda pairs: json.dumps(_objects(pairs)).encode(),
    "a.csv": _comma,
    "a.parquet": _arrow(arrow.write_parquet),
    "a.arrow": _arrow(arrow.write_ipc_stream),
    "a.feather": _arrow(arrow.write_ipc),
    "a.xlsx": _book,
    "a.zip": _zip,
    "a.jsonl.gz": lambda pairs: gzip.compress(_lines(pairs)),
    "a.jsonl.zst": lambda pairs: zstd.compress(_lines(pairs)),
    "a.parquet.gz": lambda pairs: gzip.compress(_arrow(arrow.write_parquet)(pairs)),
    "no suffix": _arrow(arrow.write_parquet),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("containers")


@pytest.mark.parametrize("name", CONTAINERS)
@given(pairs=ROWS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_rows_are_the_same_examples(place: Path, name: str, pairs: Pairs) -> None:
    (place / name).write_bytes(CONTAINERS[name](pairs))
    found = list(open_source(place / name, format="qa").examples())
    assert [int(line) for line, _ in found] == list(range(1, len(pairs) + 1))
    told: list[Any] = [example if isinstance(example, Rejected) else example.messages for _, example in found]
    assert told == [
        [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}] for asked, answered in pairs
    ]
