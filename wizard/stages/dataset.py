"""Ask a hub what a data set holds, and bring some of its files here: files only, nothing of it is run.

echo '{"do": "list", "hub": "modelscope", "ref": "org/name", "revision": ""}' | python -m wizard.stages.dataset
python -m wizard.stages.dataset < orders.jsonl > answers.jsonl

An order to fetch has also the "files" and the "folder" they go to. One JSON line answers each, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.faults import chain, is_disk_full
from wizard.stages.hubs import problem
from wizard.stages.listing import Entry
from wizard.stages.orders import answer_all

Order = Mapping[str, Any]


def answer_to(order: Order) -> dict[str, Any]:
    """{"revision", "files": [{"path", "bytes", "sha256", "oid"}]} or {"files": [path]}, or {"code", "params"} of a
    Problem."""
    try:
        return listed(order) if order["do"] == "list" else fetched(order)
    except Exception as error:
        told = told_as(order, error)
        return {"code": told.problem.code, "params": dict(told.problem.params)}


def told_as(order: Order, error: Exception) -> WizardError:
    if isinstance(error, WizardError):
        return error
    folder = Path(order.get("folder") or ".")
    if any(is_disk_full(cause, folder) for cause in chain(error)):
        return WizardError("disk-full", exit_code=ExitCode.FAILED, path=str(folder))
    told = problem({"kind": order["hub"], "ref": order["ref"]}, error).problem
    code = "hub-has-no-dataset" if told.code == "hub-has-no-model" else told.code
    return WizardError(code, exit_code=ExitCode.FAILED, **told.params)


def listed(order: Order) -> dict[str, Any]:
    if order["hub"] == "modelscope":
        from modelscope_hub import HubApi

        revision = order["revision"] or "master"
        found = HubApi().list_repo_files(order["ref"], "dataset", revision=revision)
        files = [(entry.path, entry.size, entry.sha256) for entry in found if entry.type != "tree"]
        return {"revision": revision, "files": [_told(*entry) for entry in files]}
    from huggingface_hub import HfApi

    info = HfApi().dataset_info(order["ref"], revision=order["revision"] or None, files_metadata=True)
    siblings = [
        _told(each.rfilename, each.size, each.lfs.sha256 if each.lfs else "", "" if each.lfs else each.blob_id)
        for each in info.siblings or ()
    ]
    return {"revision": info.sha or "", "files": siblings}


def fetched(order: Order) -> dict[str, Any]:
    names = [entry["path"] for entry in order["files"]]
    common = {"revision": order["revision"] or None, "local_dir": order["folder"], "allow_patterns": names}
    if order["hub"] == "modelscope":
        from modelscope.hub.snapshot_download import dataset_snapshot_download

        dataset_snapshot_download(order["ref"], **common)
    else:
        from huggingface_hub import snapshot_download

        snapshot_download(order["ref"], repo_type="dataset", **common)
    for entry in order["files"]:
        checked(Path(order["folder"]) / entry["path"], entry)
    return {"files": names}


def checked(path: Path, entry: Mapping[str, Any]) -> None:
    """huggingface_hub looks at sizes only."""
    if not path.is_file():
        raise WizardError("data-part-missing", exit_code=ExitCode.FAILED, file=entry["path"], path=str(path.parent))
    known = Entry(name=entry["path"], sha256=entry["sha256"], oid=entry.get("oid", ""))
    if not known.sha256_in(path):
        path.unlink()
        raise WizardError("data-part-damaged", exit_code=ExitCode.FAILED, file=entry["path"], path=str(path.parent))


def _told(path: str, size: int | None, sha256: str | None, oid: str | None = "") -> dict[str, Any]:
    """`oid`: git's name for the bytes of a small file, of which a hub tells no sha256."""
    return {"path": path, "bytes": size or 0, "sha256": sha256 or "", "oid": oid or ""}


if __name__ == "__main__":
    answer_all(answer_to)
