"""Models in the store: which are here, how large they are, and their removal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wizard import run as engine_room
from wizard.errors import WizardError
from wizard.journal import Home, RunFolder, read_json
from wizard.session import runs
from wizard.session.belongings import delete


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """`bytes`: all it takes to read it; `own_bytes`: what its removal frees, without links into other folders.
    `whole`: False for a download that was cut off."""

    id: str
    path: Path
    bytes: int
    own_bytes: int
    source: str
    ref: str
    revision: str
    whole: bool

    @property
    def model(self) -> str:
        """Of which it may be another revision: that is a folder `<model>@<revision>` beside the first."""
        return self.id.partition("@")[0]


def of(shelved: Mapping[str, Held], model: str) -> list[Held]:
    """All revisions of a model that are here, the one without a mark first."""
    return [each for _, each in sorted(shelved.items()) if each.model == model]


def held(home: Home) -> tuple[Held, ...]:
    """A folder that the fetch stage did not make is somebody's own, and none of these."""
    found = sorted(home.models.iterdir()) if home.models.is_dir() else []
    return tuple(_held(path) for path in found if path.is_dir() and _lock(path).exists())


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _held(path: Path) -> Held:
    record = read_json(path / "fetched.json")
    files = [] if path.is_symlink() else [file for file in _files(path) if not file.is_symlink()]
    return Held(
        id=path.name,
        path=path,
        bytes=sum(file.stat().st_size for file in _files(path)),
        own_bytes=sum(state.st_size for file in files if (state := file.stat()).st_nlink == 1),
        source=str(record.get("kind", "")),
        ref=str(record.get("ref", "")),
        revision=str(record.get("revision", "")),
        whole=bool(record),
    )


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def remove(home: Home, shelved: Held) -> int:
    """Bytes that were freed. What a link points to stays. Raises model-in-use."""
    if users := users_of(home, shelved.model):
        raise WizardError("model-in-use", name=shelved.id, runs=", ".join(users))
    lock = engine_room.take(_lock(shelved.path))
    if lock is None:
        raise WizardError("model-being-fetched", name=shelved.id)
    try:
        for path in (shelved.path, shelved.path.with_name(f".{shelved.id}.part")):
            if path.is_symlink() or path.exists():
                delete(path)
    finally:
        lock.release()
    return shelved.own_bytes


def users_of(home: Home, model: str) -> list[str]:
    return [name for name in runs.going(home) if _uses(home, name, model)]


def _uses(home: Home, run: str, model: str) -> bool:
    """Of a plan that cannot be read nothing is known, so it counts."""
    try:
        return runs.plan_of(RunFolder(home.runs / run)).choice.model == model
    except WizardError:
        return True
