"""Where a model's bytes may lie already: our other model folders, and the caches of the hubs' own programs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wizard.journal import read_json
from wizard.stages.desk import Bench
from wizard.stages.listing import Entry, Listing
from wizard.stages.record import NAME


@dataclass(frozen=True, kw_only=True)
class Cache:
    """`refs`: the ids that the model has on the hubs."""

    huggingface: Path
    modelscope: Path
    refs: tuple[str, ...] = ()
    own: Mapping[str, Path] = field(default_factory=dict)  # sha256 -> a file of ours


def caches(environment: Mapping[str, str], refs: Iterable[str], models: Path) -> Cache:
    """Where the user's own variables put them; `environment` is that of before we sent the libraries elsewhere."""
    user = Path(environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "/") / ".cache")
    face = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE")
    home = Path(environment.get("HF_HOME") or user / "huggingface").expanduser()
    scope = environment.get("MODELSCOPE_CACHE") or Path(environment.get("HOME") or "/") / ".cache" / "modelscope"
    return Cache(
        huggingface=Path(face).expanduser() if face else home / "hub",
        modelscope=Path(scope).expanduser(),
        refs=tuple(dict.fromkeys(refs)),
        own=dict(ours(models)),
    )


def ours(models: Path) -> Iterator[tuple[str, Path]]:
    for record in sorted(models.glob(f"*/{NAME}")):
        for name, known in (read_json(record).get("files") or {}).items():
            yield known["sha256"], record.parent / name


def candidates(entry: Entry, cache: Cache) -> Iterator[Path]:
    if entry.sha256 in cache.own:
        yield cache.own[entry.sha256]
    for ref in cache.refs:
        if entry.hash:
            yield cache.huggingface / f"models--{ref.replace('/', '--')}" / "blobs" / entry.hash
        snapshots = cache.modelscope / "models" / ref.replace("/", "--") / "snapshots"
        yield from (snapshot / entry.name for snapshot in sorted(snapshots.glob("*")))
        owner, _, name = ref.partition("/")
        for place in ("models", "hub/models", "hub", ""):  # of the SDKs up to 1.37
            yield cache.modelscope / place / owner / name.replace(".", "___") / entry.name


def link(bench: Bench, entry: Entry, target: Path, cache: Cache) -> str:
    """The file's sha256 where a cache has these very bytes; they are then at `target` too, on the disk once."""
    if not entry.hash:
        return ""
    for found in candidates(entry, cache):
        if found == target or not found.is_file():
            continue
        if sha256 := entry.sha256_in(found):
            put(found.resolve(), target)
            return sha256
        if found.name == entry.hash:
            bench.note("cache-damaged", "warning", path=str(found), file=entry.name)
    return ""


def put(found: Path, target: Path) -> None:
    """A hard link; on another file system, or where the kernel refuses one to a stranger's file, a symbolic one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    try:
        os.link(found, target)
    except OSError:
        target.symlink_to(found)


def cached_listing(ref: str, revision: str, cache: Cache) -> Listing | None:
    """What Hugging Face's cache has of a model, for when the hub is silent: its blobs are named by their hashes."""
    root = cache.huggingface / f"models--{ref.replace('/', '--')}"
    note = root / "refs" / (revision or "main")
    commit = note.read_text(encoding="utf-8").strip() if note.is_file() else revision
    folder = root / "snapshots" / commit
    if not commit or not folder.is_dir():
        return None
    entries = tuple(of_blob(path, folder) for path in sorted(folder.rglob("*")) if path.is_symlink())
    return Listing(kind="huggingface", ref=ref, asked=revision, revision=commit, entries=entries)


def of_blob(path: Path, folder: Path) -> Entry:
    blob, name = path.resolve(), path.relative_to(folder).as_posix()
    size = blob.stat().st_size if blob.is_file() else -1
    return Entry(name=name, bytes=size, **{"sha256" if len(blob.name) == 64 else "oid": blob.name})
