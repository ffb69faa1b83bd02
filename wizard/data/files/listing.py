"""The files of a source: one file, a zip, a folder, a saved data set, a hub's snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from wizard.contract import Problem
from wizard.data.files import cards, tree
from wizard.data.files.containers import BY_SUFFIX, JSON_SUFFIXES, is_archive, refuse_by_name
from wizard.data.files.parts import COAT_SUFFIXES, Part
from wizard.data.files.splits import by_split, chosen, of_subset
from wizard.data.files.tree import Tree
from wizard.data.shape.fault import DataFault, in_file

FAMILIES = {
    **dict.fromkeys(JSON_SUFFIXES, "json"),
    **dict.fromkeys((".csv", ".tsv", ".tab", ".xlsx", ".xls", ".ods", ".xlsm", ".xlsb"), "table"),
    **dict.fromkeys((".parquet", ".arrow", ".feather"), "columnar"),
    **{suffix: "text" for suffix, container in BY_SUFFIX.items() if container == "txt"},
}
ABOUT = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "configuration.json",
         "package.json", "license", "license.txt", "license.md", "readme.md", "readme.txt", "requirements.txt",
         "changelog.md")  # fmt: skip
ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz")
NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    parts: tuple[Part, ...]
    notes: tuple[Problem, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)


def listing(path: Path, subset: str = "", split: str = "") -> Listing:
    """`subset`: of a data set, several joined by /; of a workbook, the sheet. Raises DataFault where nothing is."""
    with in_file(path):
        if path.is_dir():
            return listing_of(tree.folder(path), subset, split)
        part = Part(path=path)
        refuse_by_name(part)
        if is_archive(part):
            if part.name != path.name:  # a zip within gzip
                raise DataFault("data-archive-nested", inner="zip")
            return listing_of(tree.archive(path), subset, split)
        return Listing(parts=(replace(part, sheet=subset),))


def listing_of(found: Tree, subset: str, split: str) -> Listing:
    subsets = subset.split("/") if subset else [""]
    names: list[str] = []
    taken: dict[str, list[str]] = {}
    for each in subsets:
        splits = cards.saved(found) or cards.carded(found, each) or by_split(_named(found, each))
        name, files = chosen(splits, split)
        names = list(dict.fromkeys([*names, *files]))
        taken |= splits if len(splits) > 1 else {}
        split_taken = name
    others = {name for name, files in taken.items() if name != split_taken}
    told = {*names, *(name for other in others for name in taken[other])}
    skipped = [name for name in found.names if name not in told and PurePosixPath(name).name.lower() not in ABOUT]
    notes = _notes(skipped, found.hidden, split_taken if others else "", others)
    return Listing(parts=tuple(found.part(name) for name in names), notes=notes)


def _named(found: Tree, subset: str) -> list[str]:
    """The data files of one kind; what only tells of them is left out."""
    data = [name for name in found.names if _family(name) and PurePosixPath(name).name.lower() not in ABOUT]
    if any(_family(name) != "text" for name in data):
        data = [name for name in data if _family(name) != "text"]
    if subset:
        kept = of_subset(data, subset)
        if not kept:
            folders = sorted({PurePosixPath(name).parts[0] for name in data if "/" in name})
            raise DataFault("data-subset-unknown", subset=subset, known=", ".join(folders) or "-")
        data = kept
    families = Counter(map(_family, data))
    if not families:
        archives = sum(name.lower().endswith(ARCHIVES) for name in found.names)
        code = "data-archive-nested" if archives and found.members is not None else "data-folder-empty"
        raise DataFault(code, inner="zip", files=len(found.names) + len(found.hidden), first=_first(found.names))
    if len(families) > 1:
        counted = Counter(_suffix(name) for name in data)
        raise DataFault("data-folder-mixed", kinds=", ".join(f"{count} {suffix}" for suffix, count in counted.items()))
    return data


def _notes(skipped: Sequence[str], hidden: Sequence[str], split: str, others: set[str]) -> tuple[Problem, ...]:
    notes = []
    if split:
        notes.append(Problem(code="data-split-taken", params={"split": split, "others": ", ".join(sorted(others))}))
    if count := len(skipped) + len(hidden):
        notes.append(Problem(code="data-files-skipped", params={"files": count, "first": _first([*skipped, *hidden])}))
    return tuple(notes)


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "") or "-"


def _family(name: str) -> str:
    return FAMILIES.get(_suffix(name), "")


def _suffix(name: str) -> str:
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in COAT_SUFFIXES else path.suffix
