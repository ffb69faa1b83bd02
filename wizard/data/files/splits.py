"""Which split and subset a file belongs to, by its name, as `datasets` reads names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from wizard.data.shape.fault import DataFault

WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}


def split_of(name: str) -> str:
    """By the file's name, else by its folders', nearest first; empty where none of them says."""
    path = PurePosixPath(name)
    for each in (path.name.partition(".")[0], *reversed(path.parts[:-1])):
        words = re.split(r"[^a-z]+", each.lower())
        found = next((split for split, known in WORDS.items() if any(word in known for word in words)), "")
        if found:
            return found
    return ""


def by_split(names: Iterable[str]) -> dict[str, list[str]]:
    """A name that says nothing is of the split for training."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(split_of(name) or "train", []).append(name)
    return found


def of_subset(names: Sequence[str], subset: str) -> list[str]:
    """Those in a folder of that name, or whose own name begins with it."""
    wanted = subset.lower()
    found = [name for name in names if wanted in PurePosixPath(name.lower()).parts[:-1]]
    if found:
        return found
    begins = re.compile(rf"{re.escape(wanted)}(?![a-z0-9])")
    return [name for name in names if begins.match(PurePosixPath(name.lower()).name)]


def chosen(splits: Mapping[str, list[str]], wanted: str) -> tuple[str, list[str]]:
    """The split that was named, else the one to train on. Raises DataFault that lists them."""
    known = ", ".join(splits)
    if wanted:
        named = [split for split in splits if wanted in (split, *WORDS.get(split, ()))]
        if not named:
            raise DataFault("data-split-unknown", split=wanted, known=known)
        return named[0], splits[named[0]]
    if "train" not in splits and len(splits) > 1:
        raise DataFault("data-split-needed", known=known)
    split = "train" if "train" in splits else next(iter(splits))
    return split, splits[split]
