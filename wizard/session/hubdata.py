"""A hub's data set, brought into the store by a one-shot job: the files of the wanted subset and split alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from wizard.contract import DataSource
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, read_json, write_json
from wizard.session import jobs
from wizard.session.jobs import HUB, Progress

if TYPE_CHECKING:
    from wizard.session.desk import Desk

STAGE = "dataset"
LISTED = ".listed.json"  # hidden, so no part of the data
ABOUT = ("README.md", "dataset_dict.json", "state.json")
MEDIA = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".mp4", ".mov", ".mkv", ".webm", ".wav", ".mp3", ".flac",
         ".m4a", ".ogg")  # fmt: skip
BATCHES = 20
Entry = Mapping[str, Any]  # path, bytes, sha256


def default_hub(language: str) -> str:
    """ms or hf: as downloads of models go, else by the language."""
    told = {"modelscope": "ms", "huggingface": "hf"}.get(os.environ.get("YCDY_HUB", ""), "")
    return told or ("ms" if language == "zh" else "hf")


def brought(desk: Desk, source: DataSource, progress: Progress) -> DataSource:
    """The source with its place on this machine and its revision; a path's own is as it was."""
    from wizard.data import readers

    hub, ref = readers.hub_of(source)
    if not hub:
        return source
    if kept := _kept(desk.home, source):
        return kept
    order = {"hub": hub, "ref": ref, "revision": source.revision}
    listed = next(_asked(desk, [{"do": "list", **order}], progress))
    files, revision = listed["files"], listed["revision"]
    folder = place(desk.home, source, revision)
    about = [entry for entry in files if PurePosixPath(entry["path"]).name in ABOUT]
    order |= {"do": "fetch", "revision": revision, "folder": str(folder)}
    _fetch(desk, order, about, progress)
    wanted = _wanted(folder, files, source)
    _fetch(desk, order, wanted, progress)
    known = read_json(folder / LISTED)
    write_json(folder / LISTED, {**known, _key(source): [*about, *wanted]})
    return replace(source, path=str(folder), revision=revision)


def place(home: Home, source: DataSource, revision: str) -> Path:
    hub, _, id = source.ref.partition("::")
    return home.datasets / f"{hub}--{id.replace('/', '--')}" / revision.replace("/", "-")[:40]


def _kept(home: Home, source: DataSource) -> DataSource | None:
    """What a pinned source needs may be here, also where no hub answers."""
    if not source.revision:
        return None
    folder = place(home, source, source.revision)
    files: Sequence[Entry] = read_json(folder / LISTED).get(_key(source), ())
    return replace(source, path=str(folder)) if files and not _missing(folder, files) else None


def _missing(folder: Path, files: Sequence[Entry]) -> list[Entry]:
    def here(entry: Entry) -> bool:
        path = folder / entry["path"]
        return bool(path.is_file() and path.stat().st_size == entry["bytes"])

    return [entry for entry in files if not here(entry)]


def _key(source: DataSource) -> str:
    return f"{source.subset}@{source.split}"


def _wanted(folder: Path, files: Sequence[Entry], source: DataSource) -> list[Entry]:
    """What the folder would be read as, were all of it here; pictures and sounds go with rows that name them."""
    from wizard.data import readers

    names = readers.files_of(folder, [entry["path"] for entry in files], source.subset, source.split)
    columnar = all(name.endswith((".parquet", ".arrow")) for name in names)
    media = () if columnar else MEDIA
    return [entry for entry in files if entry["path"] in names or entry["path"].lower().endswith(media)]


def _fetch(desk: Desk, order: Mapping[str, Any], files: Sequence[Entry], progress: Progress) -> None:
    folder = Path(order["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    missing = _missing(folder, files)
    if not missing:
        return
    need, free = sum(entry["bytes"] for entry in missing), _free_bytes(folder)
    if need > free:
        raise WizardError("disk-low", exit_code=ExitCode.FAILED, path=str(folder), need_bytes=need, free_bytes=free)
    size = -(-len(missing) // BATCHES)
    batches = [missing[start : start + size] for start in range(0, len(missing), size)]
    done = 0
    answers = _asked(desk, [{**order, "files": batch} for batch in batches], progress)
    for batch, _ in zip(batches, answers, strict=True):
        done += sum(entry["bytes"] for entry in batch)
        progress("download-data", done, need)


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _asked(desk: Desk, orders: list[Mapping[str, Any]], progress: Progress) -> Iterator[Mapping[str, Any]]:
    for answer in jobs.job(desk, HUB, STAGE, orders, progress):
        if "code" in answer:
            raise WizardError(answer["code"], exit_code=ExitCode.FAILED, **answer["params"])
        yield answer
