"""Parquet and Arrow in batches, each turned into rows: what is held is one batch."""

from __future__ import annotations

import datetime
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, BinaryIO

from wizard.data.files.footer import footer_of
from wizard.data.shape.fault import DataFault

NAMES = {"parquet": "Parquet", "arrow": "Arrow", "feather": "Arrow"}
BATCH_ROWS, BATCH_BYTES = 1024, 16 << 20
ODD = re.compile("timestamp|date|time|decimal|duration|interval", re.IGNORECASE)  # types that JSON has not


def columnar(file: BinaryIO, container: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows numbered from 1. `container`: parquet, arrow (a stream) or feather (an Arrow file)."""
    file.seek(0, 2)
    size = file.tell()
    footer = footer_of(file) if container == "parquet" else None
    file.seek(0)
    held = max(1, min(BATCH_ROWS, BATCH_BYTES * max(1, footer.rows) // max(1, size))) if footer else 0
    yield from enumerate(rows_in(file, container, held), 1)


def rows_in(file: Any, container: str, batch_rows: int = BATCH_ROWS) -> Iterator[dict[str, Any]]:
    for batch in batches_in(file, container, batch_rows):
        with _told(container):
            names = batch.column_names
            columns = [_listed(column) for column in batch.columns]
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True))


def batches_in(file: Any, container: str, batch_rows: int = BATCH_ROWS) -> Iterator[Any]:
    from arro3 import io

    sized = {} if sys.version_info < (3, 11) else {"batch_size": batch_rows}  # the last arro3 for 3.10 has it not
    readers: dict[str, Callable[[Any], Any]] = {
        "parquet": lambda given: io.read_parquet(given, **sized),
        "arrow": io.read_ipc_stream,
        "feather": io.read_ipc,
    }
    with _told(container):
        batches = iter(readers[container](file))
    while True:
        with _told(container):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


@contextmanager
def _told(container: str) -> Iterator[None]:
    """Rust's panics are no Exceptions."""
    try:
        yield
    except (DataFault, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        why = re.sub(r"\s+", " ", str(error))[:200] or type(error).__name__
        raise DataFault("data-columnar-broken", kind=NAMES[container], why=why) from None


def _listed(column: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    return [plain(value) for value in values] if ODD.search(str(column.type)) else values


def plain(value: Any) -> Any:
    """As JSON would have it."""
    if isinstance(value, (datetime.date, datetime.time)):
        midnight = isinstance(value, datetime.datetime) and value.time() == datetime.time() and value.tzinfo is None
        return value.date().isoformat() if midnight else value.isoformat()  # type: ignore[union-attr]
    if isinstance(value, datetime.timedelta):
        return str(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value
