"""Where the catalogue's files are: in a checkout, in the wheel, in a person's own folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
DRAWERS = ("models", "methods", "engines", "datasets", "formats", "benchmarks", "boards")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    drawer: str  # "" holds recipes
    name: str  # the same in another folder overrides it
    path: Path
    yours: bool

    @property
    def id(self) -> str:
        return self.path.stem

    @property
    def shown(self) -> str:
        return str(self.path)


def builtin() -> Path:
    checkout = PACKAGE.parent / "recipes"
    return checkout if checkout.is_dir() else PACKAGE / "_data" / "recipes"


def files(folders: Sequence[Path]) -> Iterator[File]:
    """Every file of every folder, in order; the first folder is the built-in one."""
    for at, folder in enumerate(folders):
        for drawer in ("", *DRAWERS):
            for path in sorted(_drawer(folder, drawer, first=at == 0).glob("*.toml")):
                yield File(drawer=drawer, name=path.name, path=path, yours=at > 0)


def _drawer(folder: Path, drawer: str, *, first: bool) -> Path:
    if drawer != "boards":
        return folder / drawer
    return folder.parent / "hardware_profiles" if first else folder / "hardware_profiles"
