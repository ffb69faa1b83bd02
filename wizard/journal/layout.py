"""Where things lie: the wizard's home, a run's folder, a stage's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OWN = "yichuidingyin"  # our folder in the place that YCDY_STORE names, which may be a bare disk or hold other things


@dataclass(frozen=True, slots=True)
class Home:
    """`$YCDY_HOME`; `store` may be on a larger disk and holds models, environments and caches."""

    root: Path
    store: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Home:
        user = Path(environment["HOME"]) if environment.get("HOME") else Path.home()
        root = Path(environment.get("YCDY_HOME") or user / ".local" / "share" / "yichuidingyin").expanduser().absolute()
        if not (named := environment.get("YCDY_STORE")):
            return cls(root, [root, *_lines(root / "stores")][-1])
        place = Path(named).expanduser().absolute()
        return cls(root, root if place == root else place / OWN)

    def remember(self) -> None:
        """The store is found again without the variable, and by `uninstall` after another took its place."""
        if self.store != [self.root, *_lines(self.root / "stores")][-1]:
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / "stores").open("a", encoding="utf-8") as file:
                file.write(f"{self.store}\n")

    @property
    def stores(self) -> tuple[Path, ...]:
        """Every one that was ever used, apart from the home itself."""
        known = dict.fromkeys((*_lines(self.root / "stores"), self.store))
        return tuple(store for store in known if store != self.root)

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def cache(self) -> Path:
        return self.store / "cache"

    @property
    def uv_cache(self) -> Path:
        return self.cache / "uv"

    @property
    def catalog(self) -> Path:
        return self.root / "catalog"

    @property
    def envs(self) -> Path:
        return self.store / "envs"

    @property
    def models(self) -> Path:
        return self.store / "models"

    @property
    def datasets(self) -> Path:
        """Hubs' data sets, by id and revision."""
        return self.store / "datasets"

    @property
    def lib(self) -> Path:
        return self.root / "lib"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @property
    def measured(self) -> Path:
        """What rehearsals measured on this machine."""
        return self.root / "measured"

    @property
    def simulated(self) -> Path:
        """Peaks of steps that were run on tensors without storage."""
        return self.root / "simulated"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def wizard(self) -> Path:
        return self.root / "wizard"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def run(self, name: str) -> RunFolder:
        return RunFolder(self.runs / name)


def _lines(file: Path) -> list[Path]:
    try:
        return [Path(line) for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("/")]
    except (OSError, UnicodeDecodeError):
        return []


@dataclass(frozen=True, slots=True)
class RunFolder:
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def config(self) -> Path:
        return self.path / "run.toml"

    @property
    def data_report(self) -> Path:
        """What was known of the data before they were prepared."""
        return self.path / "data-report.json"

    @property
    def lock(self) -> Path:
        return self.path / "run.lock"

    @property
    def launching(self) -> Path:
        """Held while a supervisor is being started, so that two launches are one."""
        return self.path / "launch.lock"

    @property
    def supervisor(self) -> Path:
        return self.path / "supervisor.jsonl"

    @property
    def meter(self) -> Path:
        return self.path / "meter.jsonl"

    @property
    def stop(self) -> Path:
        """What `stop` asks of the supervisor."""
        return self.path / "stop.json"

    @property
    def concessions(self) -> Path:
        """What `resume` asks to be changed; its writer is the session, the supervisor turns it into events."""
        return self.path / "concessions.jsonl"

    @property
    def environments(self) -> Path:
        return self.path / "environments"

    @property
    def log(self) -> Path:
        return self.path / "supervisor.log"

    @property
    def reserve(self) -> Path:
        """Space given back when the disk is full, so that the supervisor can still say so."""
        return self.path / "reserve"

    def stage(self, folder: str) -> StageFolder:
        return StageFolder(self.path / folder)


@dataclass(frozen=True, slots=True)
class StageFolder:
    path: Path

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def reading(self) -> Path:
        """{"path"} of the file that is being read, while its reader might end the process."""
        return self.path / "reading.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def pid(self) -> Path:
        return self.path / "pid.json"

    @property
    def done(self) -> Path:
        return self.path / "done.json"
