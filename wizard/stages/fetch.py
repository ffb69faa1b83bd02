"""Bring the model here: convert the bundled one, download it from a hub, or check a folder; at once if it is here.

python -m wizard.stages.fetch RUN/01-fetch
cat RUN/01-fetch/done.json
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench, run
from wizard.stages.listing import PIN, Listing, chosen, content
from wizard.stages.record import Record, model_files, read_record, unchanged, write_record
from wizard.stages.safety import refuse_code
from wizard.stages.tokens import token_of
from wizard.stages.weights import check_model

Source = Mapping[str, Any]
NO_OTHER_HUB_HELPS = ("disk-full", "model-needs-disk", "model-needs-code")
USERS = dict(os.environ)  # as the user set it: the libraries' caches are sent elsewhere later


def work(bench: Bench) -> None:
    sources = bench.order.spec["sources"]
    if [source["kind"] for source in sources] == ["path"]:
        folder = Path(sources[0]["ref"])
        check_model(folder)
        return finish(bench, folder, Record(kind="path", ref=str(folder), revision=""))
    folder = Path(bench.order.spec["folder"])
    with alone(bench, folder):
        place = place_of(sources, folder)
        if place == folder:
            return settle(bench, sources, folder)
    found = read_record(folder)
    bench.note("model-other-revision", found=(found and found.revision) or "", path=str(folder))
    with alone(bench, place):
        settle(bench, sources, place)


def settle(bench: Bench, sources: Sequence[Source], folder: Path) -> None:
    bench.phase("check-model")
    record = present(bench, sources, folder)
    finish(bench, folder, record or first_that_works(bench, sources, folder))


def finish(bench: Bench, folder: Path, record: Record) -> None:
    refuse_code(folder)
    sizes = [file.stat().st_size for file in model_files(folder)]
    result = {"source": record.kind, "revision": record.revision, "bytes": sum(sizes), "files": len(sizes)}
    bench.finish({"model": folder}, result)


def place_of(sources: Sequence[Source], folder: Path) -> Path:
    """Another revision gets a folder of its own beside: a run may be using the one that is here."""
    record = read_record(folder)
    if record is None or any(record.meets(source) for source in sources):
        return folder
    mark = re.sub(r"[^\w.]+", "-", sources[0].get("revision") or sources[0]["kind"])
    return folder.with_name(f"{folder.name}@{mark[:60]}")


@contextmanager
def alone(bench: Bench, folder: Path) -> Iterator[None]:
    """Two runs may want the same model at the same time; the second then finds it here."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            bench.phase("wait-for-model")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def present(bench: Bench, sources: Sequence[Source], folder: Path) -> Record | None:
    record = read_record(folder)
    if record is None or not any(record.meets(source) for source in sources):
        return None
    if damaged := unchanged(folder, record):
        bench.note("model-damaged", "warning", file=damaged, path=str(folder))
        (folder / damaged).unlink(missing_ok=True)
        return None
    return record


def first_that_works(bench: Bench, sources: Sequence[Source], folder: Path) -> Record:
    tried: list[WizardError] = []
    for number, source in enumerate(sources):
        try:
            return bring(bench, source, folder)
        except WizardError as error:
            if error.problem.code in NO_OTHER_HUB_HELPS:
                raise
            tried.append(error)
            if number + 1 < len(sources):
                following = sources[number + 1]["kind"]
                bench.note("source-fallback", "warning", source=source["kind"], to=following, why=cause(error))
    if len(tried) == 1:
        raise tried[0]
    causes = [{"hub": source["kind"], "code": cause(error)} for source, error in zip(sources, tried, strict=True)]
    raise WizardError("no-source-works", exit_code=ExitCode.FAILED, model=bench.order.spec["model"], tried=causes)


def cause(error: WizardError) -> str:
    """Why a hub did not do, as a word key of cause.…"""
    why = error.problem.params.get("why", "")
    return why if str(why).startswith("hub-") else error.problem.code


def bring(bench: Bench, source: Source, folder: Path) -> Record:
    if source["kind"] == "bundled":
        from wizard.stages.bundled import unpack

        return unpack(bench, source, folder)
    from wizard.stages.caches import caches
    from wizard.stages.download import download

    bench.phase("download-model")
    token = token_of(source["kind"], os.environ, Path(bench.order.home))
    cache = caches(USERS, [each["ref"] for each in bench.order.spec["sources"]], folder.parent)
    listing = listing_of(bench, source, token, cache)
    entries = chosen(listing)
    sums = download(bench, listing, entries, folder, token, cache)
    for path in model_files(folder):
        if path.relative_to(folder).as_posix() not in sums:  # of a revision whose download was never finished
            path.unlink()
    check_model(folder)
    record = Record(kind=listing.kind, ref=listing.ref, revision=pinned(source, listing, sums), asked=listing.asked)
    return write_record(folder, record, sums)


def listing_of(bench: Bench, source: Source, token: str, cache: Any) -> Listing:
    """What the hub lists; while it is silent, what its own cache on this machine holds."""
    from wizard.stages.caches import cached_listing
    from wizard.stages.hubs import list_files

    try:
        return list_files(source, token)
    except WizardError as error:
        listing: Listing | None = None
        if error.problem.code == "hub-unreachable" and source["kind"] == "huggingface":
            listing = cached_listing(source["ref"], source.get("revision") or "", cache)
        if listing is None:
            raise
        bench.note("hub-cache-used", hub=source["kind"], path=str(cache.huggingface))
        return listing


def pinned(source: Source, listing: Listing, sums: Mapping[str, str]) -> str:
    """Hugging Face's commit says it all; ModelScope names no commit for sure, so the contents are named too."""
    if listing.kind == "huggingface":
        return listing.revision
    found, wanted = f"{listing.revision}{PIN}{content(sums)}", source.get("revision") or ""
    if PIN in wanted and wanted.partition(PIN)[2] != found.partition(PIN)[2]:
        raise WizardError(
            "model-changed", exit_code=ExitCode.FAILED, hub=listing.kind, model=listing.ref, revision=wanted
        )
    return wanted if PIN in wanted else found


if __name__ == "__main__":
    run(work)
