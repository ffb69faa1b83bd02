"""A path that a person typed: there, a file, readable; and every way it is not, said in words."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from wizard.data import files
from wizard.data.files.rows import Numbered
from wizard.data.shape import DataFault
from wizard.errors import WizardError


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What goes wrong with this file becomes a WizardError that names it."""
    try:
        yield
    except DataFault as fault:
        raise WizardError(fault.problem.code, **{"path": str(path), **fault.problem.params}) from None
    except UnicodeError as error:
        raise WizardError("data-encoding-wrong", path=str(path), why=str(error)) from None
    except OSError as error:
        raise WizardError("data-unreadable", path=str(path), why=error.strerror or str(error)) from None


def check_file(path: Path) -> int:
    """Its size in bytes. A pipe or a device is refused unopened: opening one could wait for ever."""
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(path) from None
    except ValueError:
        raise DataFault("data-missing") from None
    if stat.S_ISDIR(facts.st_mode):
        raise DataFault("data-folder")
    if not stat.S_ISREG(facts.st_mode):
        raise DataFault("data-not-a-file")
    return facts.st_size


def read_rows(path: Path, encoding: str = "") -> Numbered:
    path = Path(path)
    with told(path):
        check_file(path)
        yield from files.rows(path, encoding)


def sha256_of(path: Path) -> str:
    path = Path(path)
    with told(path):
        check_file(path)
        return files.sha256_of(path)


def _missing(path: Path) -> DataFault:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        names = []
    near = get_close_matches(path.name, names, 1, 0.7)
    return DataFault("data-missing-near", near=str(path.parent / near[0])) if near else DataFault("data-missing")
