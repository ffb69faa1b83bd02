"""The hubs' own SDKs: what a model is made of, at which address, and one set of Problems for both."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from wizard.errors import ExitCode, WizardError
from wizard.stages.faults import chain
from wizard.stages.listing import PIN, Entry, Listing, chosen, content, matches

REFUSED, MISSING, LATER = (401, 403), (404,), (429, 500, 502, 503, 504)
BRANCH = "master"  # ModelScope's
COMMIT = re.compile(r"[0-9a-f]{40}")
WAITS = (1.0, 2.0, 4.0)  # seconds between tries
LONGEST_WAIT = 120.0

T = TypeVar("T")


def list_files(source: Mapping[str, Any], token: str) -> Listing:
    """The model at the source's revision, or at its newest. Raises hub-… Problems and model-changed."""
    ask = from_modelscope if source["kind"] == "modelscope" else from_huggingface
    try:
        return ask(source["ref"], source.get("revision") or "", token)
    except WizardError:
        raise
    except Exception as error:
        raise problem(source, error) from error


def from_huggingface(ref: str, revision: str, token: str) -> Listing:
    from huggingface_hub import HfApi, hf_hub_url

    api = HfApi(token=token or False)
    found = again(lambda: api.model_info(ref, revision=revision or None, files_metadata=True))
    entries = [
        Entry(
            name=each.rfilename,
            bytes=-1 if each.size is None else each.size,
            sha256=each.lfs.sha256 if each.lfs else "",
            oid="" if each.lfs else each.blob_id or "",
            url=hf_hub_url(ref, each.rfilename, revision=found.sha),
        )
        for each in found.siblings or ()
    ]
    return Listing(kind="huggingface", ref=ref, asked=revision, revision=found.sha or "", entries=tuple(entries))


def from_modelscope(ref: str, revision: str, token: str) -> Listing:
    """A pinned model is looked for at its commit, then on the branch: what counts is that the contents are the same."""
    name, _, pin = revision.partition(PIN)
    if not pin:
        return on_modelscope(ref, name, token)
    failed: WizardError | None = None
    for place in dict.fromkeys((name, BRANCH)):
        try:
            listing = on_modelscope(ref, place, token)
        except WizardError as error:
            failed = error
            continue
        sums = {entry.name: entry.sha256 for entry in chosen(listing)}
        if content(sums) == pin or not all(sums.values()):
            return listing
        failed = WizardError("model-changed", exit_code=ExitCode.FAILED, hub="modelscope", model=ref, revision=revision)
    assert failed
    raise failed


def on_modelscope(ref: str, revision: str, token: str) -> Listing:
    """An unknown revision is answered there with an empty list."""
    from modelscope.hub.file_download import get_file_download_url
    from modelscope_hub import HubApi

    place = revision or BRANCH
    try:
        endpoint = HubApi(token=token).resolve_endpoint_for_read(ref)
        listed = HubApi(token=token, endpoint=endpoint).legacy.list_repo_files(
            repo_id=ref, repo_type="model", revision=place
        )
    except Exception as error:
        raise problem({"kind": "modelscope", "ref": ref}, error) from error
    files = [each for each in listed if each.get("Type") != "tree"]
    if not files:
        raise WizardError("hub-has-no-model", exit_code=ExitCode.FAILED, hub="modelscope", model=ref)
    newest = max(files, key=lambda each: each.get("CommittedDate") or 0)
    commit = str(newest.get("Revision") or "")
    entries = [
        Entry(
            name=each["Path"],
            bytes=-1 if each.get("Size") is None else int(each["Size"]),
            sha256=each.get("Sha256") or "",
            url=get_file_download_url(ref, each["Path"], place, endpoint),
        )
        for each in files
    ]
    known = commit if COMMIT.fullmatch(commit) else place
    return Listing(kind="modelscope", ref=ref, asked=revision, revision=known, entries=tuple(entries))


def again(ask: Callable[[], T]) -> T:
    """Hugging Face's SDK asks once for a listing; a hub that is busy or stumbles is asked a few times more."""
    for wait in WAITS:
        try:
            return ask()
        except Exception as error:
            if status_of(error) not in LATER:
                raise
            time.sleep(min(LONGEST_WAIT, retry_after(getattr(error, "response", None), wait)))
    return ask()


def retry_after(response: Any, otherwise: float) -> float:
    """The seconds that a hub asks to wait; its other form, a date, is rare enough to be guessed at."""
    told = str(getattr(response, "headers", {}).get("Retry-After", ""))
    return float(told) if told.isdigit() else otherwise


def problem(source: Mapping[str, Any], error: Exception) -> WizardError:
    """What an SDK's failure to list a model stands for."""
    status = next((found for cause in chain(error) if (found := status_of(cause))), 0)
    return failure(source["kind"], source["ref"], status, offline=is_offline(error))


def failure(hub: str, model: str, status: int, *, offline: bool = False) -> WizardError:
    params = {"hub": hub, "model": model}
    if status in REFUSED:
        return WizardError("hub-refused", exit_code=ExitCode.FAILED, status=status, **params)
    if status in MISSING:
        return WizardError("hub-has-no-model", exit_code=ExitCode.FAILED, **params)
    why = "hub-busy" if status == 429 else "hub-failing" if status else "hub-offline" if offline else "hub-unreachable"
    return WizardError("hub-unreachable", exit_code=ExitCode.FAILED, why=why, **params)


def is_offline(error: Exception) -> bool:
    return any(matches(type(cause).__name__, ("Offline*",)) for cause in chain(error))


def unknown_there(response: Any) -> bool:
    """Hugging Face answers 401 for what it does not have, as for what is gated, and tells them apart in a header."""
    return str(getattr(response, "headers", {}).get("X-Error-Code", "")) == "RepoNotFound"


def status_of(error: BaseException) -> int:
    if type(error).__name__ == "NotExistError":  # ModelScope's, without a status where it asked on both of its sites
        return 404
    for holder in (getattr(error, "response", None), error):
        code = getattr(holder, "status_code", None)
        if isinstance(code, int):
            return 404 if code == 401 and unknown_there(holder) else code
    found = re.search(r"\[(4\d\d|5\d\d)\]", str(error))
    return int(found[1]) if found else 0
