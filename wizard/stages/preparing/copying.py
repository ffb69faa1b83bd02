"""Data that lie on a network, copied to the store first; the copy goes once the rows are made of it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.data.files.mixing import place
from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench


@contextmanager
def here(bench: Bench) -> Iterator[Mapping[str, Any]]:
    """The order's spec, with the copies' paths in it where copies are wanted; raises data-gone. `origin`: where a copy
    is of, and the pictures that its rows name still are."""
    spec = bench.order.spec
    if not spec["data"].get("copied"):
        yield spec
        return
    sources = spec["data"]["sources"]
    mark = hashlib.sha256("\0".join(place(source) for source in sources).encode()).hexdigest()[:16]
    folder = Path(bench.order.store) / "data" / mark
    bench.phase("copy-data")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        copies = [
            {**told, "path": str(copy(told, folder / str(number))), "origin": place(told)}
            for number, told in enumerate(sources)
        ]
        yield {**spec, "data": {**spec["data"], "sources": copies}}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy(told: Mapping[str, Any], folder: Path) -> Path:
    """A file, or a folder with all that is in it."""
    source = Path(place(told))
    folder.mkdir(parents=True)
    try:
        if source.is_dir():
            return Path(shutil.copytree(source, folder / source.name))
        return Path(shutil.copyfile(source, folder / source.name))
    except FileNotFoundError as error:
        raise WizardError("data-gone", exit_code=ExitCode.FAILED, path=str(source)) from error
