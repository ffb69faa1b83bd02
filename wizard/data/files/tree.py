"""What lies in a folder or a zip, by name, in order; hidden files and caches are counted, not read."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wizard.data.files.parts import FREE_BYTES, MOST_TIMES, Part, broken_told, opened
from wizard.data.shape.fault import DataFault

MOST_FILES = 100_000
CACHES = ("__MACOSX", "__pycache__", "node_modules")
TEXT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    root: Path
    names: tuple[str, ...]  # relative, with /, sorted
    hidden: tuple[str, ...] = ()
    members: Mapping[str, str] | None = None  # of a zip: name -> what the zip calls it

    def part(self, name: str) -> Part:
        if self.members is None:
            return Part(path=self.root / name, label=name)
        return Part(path=self.root, member=self.members[name], label=name)

    def text(self, name: str) -> str:
        """The beginning of a small file; empty where it is not there."""
        if name not in self.names:
            return ""
        with opened(self.part(name)) as stream:
            return stream.read(TEXT_BYTES).decode("utf-8", "replace")


def folder(root: Path) -> Tree:
    """Pipes and devices in it are left out like what is hidden: opening one could wait for ever."""
    found: dict[str, bool] = dict(_walked(root))
    return _sorted(root, found, None)


def archive(path: Path) -> Tree:
    """Nothing of it is ever written anywhere, so its names can do no harm; those that try are left out."""
    with broken_told(), zipfile.ZipFile(path) as packed:
        infos = [info for info in packed.infolist() if not info.filename.endswith("/")]
    if len(infos) > MOST_FILES:
        raise DataFault("data-too-many-files", most=MOST_FILES)
    if any(info.flag_bits & 1 for info in infos):
        raise DataFault("data-archive-locked", why=next(info.filename for info in infos if info.flag_bits & 1))
    out, size = sum(info.file_size for info in infos), path.stat().st_size
    if out > FREE_BYTES and out > size * MOST_TIMES:
        raise DataFault("data-bomb", packed=size, times=MOST_TIMES)
    members = {_name(info): info.filename for info in infos}
    return _sorted(path, dict.fromkeys(members, True), members)


def _sorted(root: Path, found: Mapping[str, bool], members: Mapping[str, str] | None) -> Tree:
    """`found`: name -> whether it is an ordinary file."""
    seen = {name: ordinary and not _hidden(name) for name, ordinary in sorted(found.items())}
    hidden = tuple(name for name, shown in seen.items() if not shown)
    return Tree(root=root, names=tuple(name for name in seen if seen[name]), hidden=hidden, members=members)


def _walked(root: Path) -> Iterator[tuple[str, bool]]:
    count = 0

    def refused(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(root, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in CACHES)
        inner = "" if place == str(root) else f"{Path(place).relative_to(root).as_posix()}/"
        for name in files:
            count += 1
            if count > MOST_FILES:
                raise DataFault("data-too-many-files", most=MOST_FILES)
            yield f"{inner}{name}", _ordinary(os.path.join(place, name))


def _ordinary(path: str) -> bool:
    """What cannot be asked, like a link to nothing, is told of when it is read."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


def _hidden(name: str) -> bool:
    path = PurePosixPath(name)
    odd = not name or path.is_absolute() or ".." in path.parts or "\\" in name
    return odd or any(each.startswith((".", "~$")) or each in CACHES for each in path.parts)


def _name(info: zipfile.ZipInfo) -> str:
    """Zips made on a Chinese Windows have their names in GBK, and do not say so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return info.filename
