"""LLaMA-Factory's dataset_info.json, read as it is: one of its entries as a source of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from wizard.contract import DataSource
from wizard.data.shape import from_llamafactory
from wizard.errors import WizardError

NAME = "dataset_info.json"
PLACES = ("file_name", "hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name")
Entries = Mapping[str, Mapping[str, Any]]


def entries(path: Path) -> Entries:
    """Of the file, or of the folder that it lies in; none where there is none, or it is another program's."""
    file = path / NAME if path.is_dir() else path
    if file.name != NAME or not file.is_file() or (file.parent / "state.json").exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    told = found if isinstance(found, Mapping) else {}
    objects = {str(name): each for name, each in told.items() if isinstance(each, Mapping)}
    return {name: each for name, each in objects.items() if any(key in each for key in PLACES)}


def resolved(source: DataSource, hub: str) -> DataSource:
    """The source that the entry named by `subset` stands for; the same one where its path has no dataset_info.json."""
    path = Path(source.ref)
    known = entries(path)
    if not known:
        return source
    name = source.subset or (next(iter(known)) if len(known) == 1 else "")
    if not name and path.is_dir() and source.split:
        return source
    if name not in known:
        near = next(iter(get_close_matches(name, known, 1)), "")
        code = "data-info-which" if not name else "data-info-unknown"
        raise WizardError(code, path=str(path), name=name, nearest=near, known=", ".join(known))
    found = _source(path, name, known[name], hub)
    samples, times = source.samples, source.times
    return replace(found, samples=samples, times=times) if samples or times != 1 else found


def _source(path: Path, name: str, entry: Mapping[str, Any], hub: str) -> DataSource:
    format, mapping = from_llamafactory(entry)
    samples, split = entry.get("num_samples"), str(entry.get("split") or "")
    subset = "/".join(str(entry[key]) for key in ("folder", "subset") if entry.get(key))
    told = DataSource(
        ref="",
        subset=subset,
        split=split if split != "train" else "",
        samples=samples if isinstance(samples, int) and samples > 0 else 0,
        format=format,
        mapping=mapping,
    )
    hubs = {key: str(entry[url]) for key, url in (("hf", "hf_hub_url"), ("ms", "ms_hub_url")) if entry.get(url)}
    if hubs:
        key = hub if hub in hubs else next(iter(hubs))
        return replace(told, ref=f"{key}::{hubs[key]}")
    if not entry.get("file_name"):
        way = next(key for key in PLACES if key in entry)
        raise WizardError("data-info-way", path=str(path), name=name, way=way)
    folder = path if path.is_dir() else path.parent
    return replace(told, ref=str((folder / str(entry["file_name"])).resolve()))
