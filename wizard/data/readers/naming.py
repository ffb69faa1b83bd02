"""What a person types for a data source: a path or a hub's id, with subset, split and amount.

[hf|ms]::org/name:subset1/subset2@split#500    rows.jsonl#500    rows.jsonl#2x    rows.jsonl#30%    book.xlsx:Sheet2
rows.jsonl#500 + more.csv
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from wizard.contract import DataSource
from wizard.data.files.listing import ARCHIVES, FAMILIES
from wizard.data.files.parts import COAT_SUFFIXES
from wizard.errors import WizardError

HUBS = {"ms": "modelscope", "hf": "huggingface"}
SPELLINGS = {"modelscope": "ms", "huggingface": "hf", "ms": "ms", "hf": "hf"}
AMOUNT = re.compile(r"#(?:(?P<samples>\d+)|(?P<times>\d+(?:\.\d+)?)x|(?P<percent>\d+(?:\.\d+)?)%)$")
SPLIT = re.compile(r"@([\w.\-]+)$")
HUB_ID = re.compile(r"[\w][\w.\-]*/[\w.\-]+")
PLUS = " + "
SUFFIXES = (*FAMILIES, *COAT_SUFFIXES, *ARCHIVES)


def several(text: str, exists: Callable[[str], bool] = lambda path: there(path)) -> list[str]:
    """Each of the sources that stand between pluses; a file whose own name has one is one source."""
    parts, found = text.strip().split(PLUS), []
    while parts:
        longest_first = range(len(parts), 1, -1)
        size = next((n for n in longest_first if _place(amount(PLUS.join(parts[:n]))[0], exists)[0]), 1)
        found.append(PLUS.join(parts[:size]).strip())
        parts = parts[size:]
    return found


def named(text: str, hub: str, exists: Callable[[str], bool] = lambda path: there(path)) -> DataSource:
    """An existing path wins. `hub`: ms or hf, where the text names none. Raises WizardError data-amount."""
    text = text.strip()
    prefix, mark, rest = text.partition("::")
    told = SPELLINGS.get(prefix.lower(), "") if mark else ""
    if told and not exists(text):
        return _on_hub(rest, told)
    if exists(text):
        return DataSource(ref=absolute(text))
    rest, samples, times = amount(text)
    place, subset, split = _place(rest, exists)
    if not place and _like_an_id(rest):
        return _on_hub(text, hub)
    return DataSource(ref=absolute(place or rest), subset=subset, split=split, samples=samples, times=times)


def hub_of(source: DataSource) -> tuple[str, str]:
    """(modelscope or huggingface, id); two empty texts for a path."""
    prefix, mark, id = source.ref.partition("::")
    return (HUBS[prefix], id) if mark and prefix in HUBS else ("", "")


def amount(text: str) -> tuple[str, int, float]:
    """(what is before it, samples or 0, times)."""
    found = AMOUNT.search(text)
    if not found:
        return text, 0, 1.0
    samples = int(found["samples"] or 0)
    times = float(found["times"]) if found["times"] else float(found["percent"]) / 100 if found["percent"] else 1.0
    if (found["samples"] and not samples) or not times:
        raise WizardError("data-amount", text=text)
    return text[: found.start()], samples, times


def absolute(path: str) -> str:
    try:
        return str(Path(path).expanduser().resolve())
    except (OSError, RuntimeError, ValueError):
        return path


def there(path: str) -> bool:
    try:
        return bool(path) and os.path.exists(os.path.expanduser(path))
    except ValueError:
        return False


def _place(text: str, exists: Callable[[str], bool]) -> tuple[str, str, str]:
    """(an existing path, subset, split)."""
    if exists(text):
        return text, "", ""
    found = SPLIT.search(text)
    split = found[1] if found else ""
    text = text[: found.start()] if found else text
    if exists(text):
        return text, "", split
    for colon in reversed([at for at, sign in enumerate(text) if sign == ":"]):
        if exists(text[:colon]):
            return text[:colon], text[colon + 1 :], split
    return "", "", ""


def _like_an_id(text: str) -> bool:
    id = SPLIT.sub("", text).partition(":")[0]
    a_file = PurePosixPath(id.lower()).suffix in SUFFIXES or there(id.split("/")[0])
    return bool(HUB_ID.fullmatch(id)) and not a_file


def _on_hub(text: str, hub: str) -> DataSource:
    rest, samples, times = amount(text.strip())
    found = SPLIT.search(rest)
    id, _, subset = (rest[: found.start()] if found else rest).partition(":")
    if not HUB_ID.fullmatch(id):
        raise WizardError("data-hub-id", id=id)
    subset = "/".join(each.strip() for each in subset.split("/") if each.strip())
    split = found[1] if found else ""
    return DataSource(ref=f"{hub}::{id}", subset=subset, split=split, samples=samples, times=times)
