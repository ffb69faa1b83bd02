"""Downloads through the hubs' own SDKs, with one set of Problems for both."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench
from wizard.stages.faults import chain, is_disk_full
from wizard.stages.record import Record

UNWANTED = ["*.bin", "*.pt", "*.pth", "*.ckpt", "*.onnx", "*.h5", "*.msgpack", "*.gguf", "original/*", "onnx/*"]
REFUSED, MISSING = (401, 403), (404,)
LOOK_SECONDS = 1.0


def download(bench: Bench, source: Mapping[str, Any], folder: Path) -> Record:
    fetch = from_modelscope if source["kind"] == "modelscope" else from_huggingface
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return fetch(bench, source, folder)
    except WizardError:
        raise
    except Exception as error:
        if any(is_disk_full(cause, folder) for cause in chain(error)):
            raise
        raise problem(source, error) from error


def from_huggingface(bench: Bench, source: Mapping[str, Any], folder: Path) -> Record:
    from huggingface_hub import HfApi, snapshot_download

    found = HfApi().model_info(source["ref"], revision=source.get("revision") or None, files_metadata=True)
    sizes = {entry.rfilename: entry.size or 0 for entry in found.siblings or () if wanted(entry.rfilename)}
    hashes = {entry.rfilename: entry.lfs.sha256 for entry in found.siblings or () if entry.lfs}
    with told(bench, folder, sum(sizes.values())):
        snapshot_download(source["ref"], revision=found.sha, local_dir=folder, ignore_patterns=UNWANTED)
    return Record(kind="huggingface", ref=source["ref"], revision=found.sha or "", sha256=hashes)


def from_modelscope(bench: Bench, source: Mapping[str, Any], folder: Path) -> Record:
    from modelscope.hub.api import HubApi
    from modelscope.hub.snapshot_download import snapshot_download

    revision = source.get("revision") or "master"
    listed = HubApi().get_model_files(source["ref"], revision=revision, recursive=True)
    files = [entry for entry in listed if entry.get("Type") != "tree" and wanted(entry["Path"])]
    hashes = {entry["Path"]: entry["Sha256"] for entry in files if entry.get("Sha256")}
    with told(bench, folder, sum(entry.get("Size") or 0 for entry in files)):
        snapshot_download(source["ref"], revision=revision, local_dir=str(folder), ignore_patterns=UNWANTED)
    return Record(kind="modelscope", ref=source["ref"], revision=source.get("revision") or "", sha256=hashes)


def wanted(name: str) -> bool:
    path = Path(name)
    return not any(path.match(pattern) for pattern in UNWANTED)


@contextmanager
def told(bench: Bench, folder: Path, total: int) -> Iterator[None]:
    """Progress by what lies on the disk: neither SDK has a callback for the whole of a snapshot."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            bench.progress(min(held_bytes(folder), total), total, "bytes")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    bench.progress(total, total, "bytes")


def held_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def problem(source: Mapping[str, Any], error: Exception) -> WizardError:
    status = next((found for cause in chain(error) if (found := status_of(cause))), 0)
    params = {"hub": source["kind"], "model": source["ref"]}
    if status in REFUSED:
        return WizardError("hub-refused", exit_code=ExitCode.FAILED, status=status, **params)
    if status in MISSING:
        return WizardError("hub-has-no-model", exit_code=ExitCode.FAILED, **params)
    why = f"{type(error).__name__} {status or ''}".strip()
    return WizardError("hub-unreachable", exit_code=ExitCode.FAILED, why=why, **params)


def status_of(error: BaseException) -> int:
    for holder in (getattr(error, "response", None), error):
        code = getattr(holder, "status_code", None)
        if isinstance(code, int):
            return code
    found = re.search(r"\[(4\d\d|5\d\d)\]", str(error))
    return int(found[1]) if found else 0
