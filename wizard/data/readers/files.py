"""A path that a person typed: there, a file, readable; and every way it is not, said in words."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from wizard.data import files
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
        where = error.filename if isinstance(error.filename, str) else str(path)
        raise WizardError("data-unreadable", path=where, why=error.strerror or str(error)) from None


def check_path(path: Path) -> None:
    """A pipe or a device is refused unopened: opening one could wait for ever."""
    try:
        facts = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(path) from None
    except ValueError:
        raise DataFault("data-missing") from None
    if not stat.S_ISDIR(facts.st_mode) and not stat.S_ISREG(facts.st_mode):
        raise DataFault("data-not-a-file")


def files_of(folder: Path, names: Sequence[str], subset: str, split: str) -> list[str]:
    """Which of these names the folder would be read from; what it says of itself must lie in it already."""
    with told(folder):
        tree = files.Tree(root=folder, names=tuple(sorted(names)))
        return [part.label for part in files.listing_of(tree, subset, split).parts]


def identity_of(path: Path, subset: str = "", split: str = "") -> str:
    """The SHA-256 of a file's bytes, or of the names and bytes of a folder's files; of very large ones, of samples."""
    path = Path(path)
    with told(path):
        check_path(path)
        return files.identity_of(files.listing(path, subset, split))


def _missing(path: Path) -> DataFault:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        names = []
    near = get_close_matches(path.name, names, 1, 0.7)
    return DataFault("data-missing-near", near=str(path.parent / near[0])) if near else DataFault("data-missing")
