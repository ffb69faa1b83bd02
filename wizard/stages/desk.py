"""What all stages share: the order they work on, the journal they tell it in, and how they end."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from wizard.errors import WizardError
from wizard.journal import Journal, write_json
from wizard.stages.faults import NO_ROOM, OUT_OF_MEMORY, problem_of
from wizard.stages.keeping import room

FAILED, STOPPED = 1, 143


@dataclass(frozen=True, kw_only=True)
class Order:
    """The effective spec.json that the supervisor wrote."""

    stage: str
    run: str
    digest: str
    rung: int
    attempt: int
    spec: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    home: str
    store: str

    @property
    def knobs(self) -> Mapping[str, Any]:
        knobs: Mapping[str, Any] = self.spec.get("knobs", {})
        return knobs

    def input(self, stage: str, name: str) -> Path:
        return Path(self.inputs[stage][name])


def read_order(folder: Path) -> Order:
    values = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    return Order(**{name: values[name] for name in Order.__dataclass_fields__ if name in values})


class Bench:
    """A stage's place of work: its folder, its order and its voice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.order = read_order(folder)
        self.started = time.monotonic()
        self.asked_to_stop = False  # by SIGTERM, where a stage has something to save first
        self._journal = Journal(folder / "events.jsonl")
        self._metrics = Journal(folder / "metrics.jsonl")

    def phase(self, code: str) -> None:
        self.event("phase", code=code)

    def progress(self, done: float, total: float, unit: str) -> None:
        self.event("progress", done=done, total=total, unit=unit)

    def note(self, code: str, /, level: str = "info", **params: Any) -> None:
        self.event("note", code=code, params=params, level=level)

    def event(self, kind: str, **params: Any) -> None:
        self._patiently(self._journal, kind=kind, **params)

    def metric(self, step: int, total: int, values: Mapping[str, float | None]) -> None:
        self._patiently(self._metrics, step=step, total=total, values=values)

    def _patiently(self, journal: Journal, **fields: Any) -> None:
        """What a full disk does not take waits, and the work with it: nothing that is done is lost for a line."""
        if not self._wrote(journal, fields):
            room.wait(lambda: self._wrote(journal, fields), self.order.stage, self.folder)

    def _wrote(self, journal: Journal, fields: Mapping[str, Any]) -> bool:
        try:
            journal.append(**fields)
        except OSError as error:
            if error.errno not in NO_ROOM or int(self.order.knobs.get("n_gpus", 1)) > 1:
                raise  # several cards would wait for each other for too long
            if self.asked_to_stop:
                sys.exit(STOPPED)
            return False
        return True

    def hand_over(self) -> None:
        """Another process writes these files from now on; a line it leaves torn is closed when we write again."""
        self._journal.close()
        self._metrics.close()

    def failed(self, error: WizardError) -> None:
        self._journal.write("failed", problem={"code": error.problem.code, "params": dict(error.problem.params)})

    def finish(self, outputs: Mapping[str, Path], result: Mapping[str, Any]) -> None:
        seconds = round(time.monotonic() - self.started, 2)
        done = {
            "digest": self.order.digest,
            "rung": self.order.rung,
            "outputs": {name: str(path) for name, path in outputs.items()},
            "result": dict(result),
            "packages": packages(),
            "seconds": seconds,
        }
        self._journal.write("result", **result)
        write_json(self.folder / "done.json", done)


def packages() -> list[str]:
    return sorted({f"{found.metadata['Name']}=={found.version}" for found in distributions()}, key=str.lower)


def keep_caches(store: Path) -> None:
    """Libraries write below the user's home unless told otherwise: all of theirs goes to one folder of ours."""
    cache = store / "cache" / "libraries"
    for name, place in {
        "XDG_CACHE_HOME": cache,
        "XDG_CONFIG_HOME": cache / "config",
        "HF_HOME": cache / "huggingface",
        "MODELSCOPE_CACHE": cache / "modelscope",
        "MODELSCOPE_HOME": cache / "modelscope",
        "VLLM_CACHE_ROOT": cache / "vllm",
        "VLLM_CONFIG_ROOT": cache / "vllm",
        "TORCHINDUCTOR_CACHE_DIR": cache / "torchinductor",
        "TRITON_CACHE_DIR": cache / "triton",
        "TORCH_EXTENSIONS_DIR": cache / "torch_extensions",
        "GPTQMODEL_TORCH_EXTENSIONS_DIR": cache / "gptqmodel",
    }.items():
        os.environ[name] = str(place)


def run(work: Callable[[Bench], None], bench: Bench | None = None) -> None:
    """Do `work` on the folder named in argv; an unforeseen error leaves its traceback in the log and no event."""
    bench = bench or Bench(Path(sys.argv[1]).resolve())
    keep_caches(Path(bench.order.store))
    try:
        work(bench)
    except Exception as error:
        told = problem_of(error, bench.order.stage, bench.folder)
        if told is None:
            raise
        if told is not error:
            sys.excepthook(type(error), error, error.__traceback__)
        bench.failed(told)
        sys.exit(OUT_OF_MEMORY if told.problem.code.endswith("out-of-memory") else FAILED)
