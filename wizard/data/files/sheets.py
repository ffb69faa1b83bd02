"""Excel and OpenDocument workbooks: the first sheet with rows, or the one that was named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

from wizard.data.files.columnar import plain
from wizard.data.files.headers import headed
from wizard.data.shape.fault import DataFault

LOCKED = "EncryptedPackage".encode("utf-16-le")
LOOK_BYTES = 64 << 10


class Sheet(NamedTuple):
    name: str
    others: tuple[str, ...]  # that hold rows and are not read
    rows: list[list[Any]]


def workbook(file: BinaryIO, wanted: str = "") -> Iterator[tuple[int, Any]]:
    """Rows numbered from 1 without the header; whole numbers are integers again, dates are as ISO writes them."""
    return headed([[_cell(cell) for cell in row] for row in sheet_of(file, wanted).rows])


def sheet_of(file: BinaryIO, wanted: str = "") -> Sheet:
    import python_calamine

    with _told(file):
        book = python_calamine.CalamineWorkbook.from_filelike(file)
        if wanted and wanted not in book.sheet_names:
            raise DataFault("data-sheet-unknown", sheet=wanted, known=", ".join(book.sheet_names))
        plain_sheets = [sheet.name for sheet in book.sheets_metadata if "WorkSheet" in str(sheet.typ)]
        filled = [name for name in plain_sheets if _filled(book, name)]
        if not wanted and not filled:
            raise DataFault("data-no-rows")
        name = wanted or filled[0]
        rows: list[list[Any]] = book.get_sheet_by_name(name).to_python()
    return Sheet(name, tuple(each for each in filled if each != name), rows)


def _filled(book: Any, name: str) -> bool:
    return int(book.get_sheet_by_name(name).height) > 1


@contextmanager
def _told(file: BinaryIO) -> Iterator[None]:
    try:
        yield
    except (DataFault, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        file.seek(0)
        if type(error).__name__ == "PasswordError" or LOCKED in file.read(LOOK_BYTES) + _tail(file):
            raise DataFault("data-sheet-locked") from None
        raise DataFault("data-sheet-broken", why=str(error)[:200] or type(error).__name__) from None


def _tail(file: BinaryIO) -> bytes:
    size = file.seek(0, 2)
    file.seek(max(0, size - LOOK_BYTES))
    return file.read()


def _cell(value: Any) -> Any:
    if value == "" and isinstance(value, str):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    return plain(value)
