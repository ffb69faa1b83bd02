"""The failure of a whole data source, as a Problem: the front turns it into a WizardError, a stage writes it down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.contract import Problem, Rejected


class DataFault(Exception):
    def __init__(self, code: str, /, **params: Any) -> None:
        super().__init__(f"{code} {params}")
        self.problem = Problem(code=code, params=params)


class Refused(Exception):
    """One row that will not be used, on its way to whoever counts it."""

    def __init__(self, code: str, /, **params: Any) -> None:
        super().__init__(code)
        self.rejected = reject(code, **params)


def reject(code: str, /, **params: Any) -> Rejected:
    """One row that will not be used; its words are `reject.<code>`, its line is added by the caller that knows it."""
    return Rejected(line=0, code=code, params=params)


def nothing_usable(rows: int, first: Rejected) -> DataFault:
    reason = {"code": first.code, "params": dict(first.params)}
    return DataFault("data-nothing-usable", rows=rows, line=first.line, reason=reason)


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Every fault of a file names it."""
    try:
        yield
    except DataFault as fault:
        raise DataFault(fault.problem.code, **{"path": str(path), **fault.problem.params}) from None
