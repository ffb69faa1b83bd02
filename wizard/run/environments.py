"""Building an engine's environment: whole, or not there at all."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wizard.contract import Engine, Environment
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, read_json, write_json
from wizard.run import processes
from wizard.run.ledger import free_bytes
from wizard.run.locks import Lock, take
from wizard.run.uv import Cancelled, failure, last_lines, run_quietly, uv_environment, with_torch_index

Progress = Callable[[str, int, int], None]

WARM_SECONDS = 900.0
_WARM = """
import importlib, sys, traceback
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except BaseException:
        traceback.print_exc()
    with open(sys.argv[1], "a") as counter:
        counter.write(".")
"""


def folder_of(home: Home, environment: Environment) -> Path:
    return home.envs / f"{environment.engine}-{environment.digest}"


def is_ready(path: Path) -> bool:
    return bool(read_json(path / ".ready"))


def ensure(
    home: Home,
    environment: Environment,
    requirements_text: str,
    engine: Engine | None,
    uv: str,
    progress: Progress,
    *,
    niced: Callable[[], bool] = lambda: False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """The folder of a ready environment, built first where it is missing or was left half-made."""
    path = folder_of(home, environment)
    if is_ready(path):
        return path
    home.remember()
    lock = _wait_for(home, path, cancelled)
    try:
        if not is_ready(path):
            build = _Build(home, environment, requirements_text, engine, uv, path, progress, niced, cancelled)
            build.run()
    finally:
        lock.release()
    return path


def give_up(home: Home) -> None:
    """Ends the builds that a killed supervisor left at work."""
    for path in home.envs.glob("*"):
        processes.end(partial(processes.marked, _marker(path)))


def _marker(path: Path) -> dict[str, str]:
    return {"YCDY_STAGE": f"environment/{path}"}


def _wait_for(home: Home, path: Path, cancelled: Callable[[], bool]) -> Lock:
    while (lock := take(home.locks / f"environment-{path.name}.lock", patience=0.2)) is None:
        if cancelled():
            raise Cancelled
    return lock


@dataclass(frozen=True, slots=True)
class _Build:
    home: Home
    environment: Environment
    requirements: str
    engine: Engine | None
    uv: str
    path: Path
    progress: Progress
    niced: Callable[[], bool]
    cancelled: Callable[[], bool]

    @property
    def cache(self) -> Path:
        return Path(uv_environment(self.home, os.environ, {})["UV_CACHE_DIR"])

    def run(self) -> None:
        began = time.monotonic()
        marker = _marker(self.path)
        processes.end(lambda: processes.marked(marker))
        try:
            self._remove()
            self._install(uv_environment(self.home, os.environ, marker))
            self._warm(marker)
            self._stamp(time.monotonic() - began)
        except BaseException as error:
            with suppress(OSError):
                self._remove()
            if isinstance(error, OSError):
                raise self._problem(str(error)) from error
            raise

    def _remove(self) -> None:
        if self.path.exists():
            shutil.rmtree(self.path)

    def _install(self, variables: dict[str, str]) -> None:
        total = sum(1 for line in self.requirements.splitlines() if line[:1].strip() and line[0] not in "#-")
        self.progress("create", 0, total)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._uv(variables, "venv", "--python", self.environment.python, "--no-project", str(self.path))
        listing = self.path / "requirements.txt"
        listing.write_text(self.requirements, encoding="utf-8")
        cache = self.cache / "archive-v0"
        cached = _count(cache)

        def watch() -> None:
            # uv unpacks into its cache first and links at the very end: whichever of the two has moved is progress.
            self.progress("install", min(total, max(_count(self._site(), ".dist-info"), _count(cache) - cached)), total)

        self.progress("install", 0, total)
        python = str(self.path / "bin" / "python")
        # uv has no variable for --no-index; the bootstrap hands pip's setting on under this name.
        no_index = ["--no-index"] if variables.get("UV_NO_INDEX", "0").lower() not in ("", "0", "false") else []
        sync = ("pip", "sync", "--python", python, "--require-hashes", *no_index, str(listing))
        try:
            self._uv(variables, *sync, watch=watch)
        except WizardError as error:
            elsewhere = with_torch_index(variables, self.requirements)
            if error.problem.code != "environment-no-solution" or elsewhere is None:
                raise
            self._uv(elsewhere, *sync, watch=watch)
        self.progress("install", total, total)

    def _uv(self, variables: dict[str, str], *arguments: str, watch: Callable[[], None] = lambda: None) -> None:
        if not shutil.which(self.uv):
            raise WizardError("uv-missing", exit_code=ExitCode.FAILED, tried=self.uv)
        folder, niced = self.path.parent, self.niced()
        argv = (self.uv, *arguments)
        code, output = run_quietly(argv, variables, folder, niced=niced, watch=watch, cancelled=self.cancelled)
        if code != 0:
            raise self._problem(output)

    def _problem(self, output: str) -> WizardError:
        log = self.home.logs / f"{self.path.name}.log"
        with suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(output, encoding="utf-8")
        places = [place for place in (self.path.parent, self.cache) if place.exists()]
        return WizardError(
            failure(output),
            exit_code=ExitCode.FAILED,
            environment=self.environment.id,
            python=self.environment.python,
            folder=str(min(places, key=free_bytes, default=self.path.parent)),
            output=last_lines(output),
            log=str(log),
        )

    def _warm(self, marker: dict[str, str]) -> None:
        """Imports what the engine will import while other work goes on; a stage that waits imports it all itself."""
        modules = self.environment.warm or (self.engine.warm if self.engine else ())
        if not modules or not self.niced():
            return
        counter = self.path / ".warm"
        dropped = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        variables = {key: value for key, value in os.environ.items() if key not in dropped}
        variables |= dict(self.engine.environment if self.engine else {}) | marker | {"PYTHONSAFEPATH": "1"}

        def watch() -> None:
            self.progress("warm", counter.stat().st_size if counter.exists() else 0, len(modules))

        watch()
        _, output = run_quietly(
            (str(self.path / "bin" / "python"), "-c", _WARM, str(counter), *modules),
            variables,
            self.path,
            niced=True,
            watch=watch,
            cancelled=self.cancelled,
            limit=WARM_SECONDS,
        )
        (self.path / "warm.log").write_text(output, encoding="utf-8")
        self.progress("warm", len(modules), len(modules))

    def _stamp(self, seconds: float) -> None:
        ready = {
            "environment": self.environment.id,
            "engine": self.environment.engine,
            "python": self.environment.python,
            "packages": packages(self.path),
            "seconds": round(seconds, 1),
        }
        write_json(self.path / ".ready", ready)

    def _site(self) -> Path:
        return next(self.path.glob("lib/python*/site-packages"), self.path)


def packages(path: Path) -> list[str]:
    """`name==version` of all that is installed in an environment."""
    sites = [str(site) for site in path.glob("lib/python*/site-packages")]
    found = importlib.metadata.distributions(path=sites)
    return sorted({f"{item.metadata['Name']}=={item.version}" for item in found}, key=str.lower)


def _count(folder: Path, suffix: str = "") -> int:
    try:
        return sum(1 for name in os.listdir(folder) if name.endswith(suffix))
    except OSError:
        return 0
