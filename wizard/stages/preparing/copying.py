"""Data that lie on a network, copied to the store first; the copy goes once the rows are made of it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench


@contextmanager
def here(bench: Bench) -> Iterator[Mapping[str, Any]]:
    """The order's spec, with the copy's path in it where one is wanted; raises data-gone."""
    spec = bench.order.spec
    if not spec["data"].get("copied"):
        yield spec
        return
    source = Path(spec["data"]["path"])
    folder = Path(bench.order.store) / "data" / hashlib.sha256(str(source).encode()).hexdigest()[:16]
    bench.phase("copy-data")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            copy = Path(shutil.copyfile(source, folder / source.name))
        except FileNotFoundError as error:
            raise WizardError("data-gone", exit_code=ExitCode.FAILED, path=str(source)) from error
        bench.phase("prepare-rows")
        yield {**spec, "data": {**spec["data"], "path": str(copy)}}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
