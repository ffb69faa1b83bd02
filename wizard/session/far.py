"""Data or a store that are not on this machine's own disk: said before a run starts, with how fast they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from wizard import detect
from wizard.contract import Disk, Plan, Problem
from wizard.journal import Home

FAR = ("data-far", "data-far-unmeasured")  # where a copy is offered
MOST = 10_000  # files looked at
Place = Callable[[Path], detect.Mount]
Speed = Callable[[Path], float | None]


def away(
    plan: Plan,
    home: Home,
    disks: Sequence[Disk],
    place: Place = detect.place_of,
    speed: Speed = detect.reading_speed,
) -> Iterator[Problem]:
    """Nothing of a machine that is pretended."""
    data = plan.choice.data
    if plan.pretend:
        return
    for source in () if data.copied else data.mixed():
        yield from _data(Path(source.place), place(Path(source.place)), home, speed)
    store = place(home.store)
    others = [disk.path for disk in disks if disk.kind == "local" and disk.path != store.place]
    if store.kind != "local":
        told = {"path": str(home.store), "file_system": store.file_system, "other": next(iter(others), "")}
        yield Problem(code=f"store-{store.kind}", params=told)


def _data(source: Path, mount: detect.Mount, home: Home, speed: Speed) -> Iterator[Problem]:
    """The largest of a folder's files is read to see how fast."""
    if mount.kind != "network":
        return
    told = {"path": str(source), "file_system": mount.file_system, "store": str(home.store)}
    within = [source] if source.is_file() else [path for path in islice(source.rglob("*"), MOST) if path.is_file()]
    sizes = {path: path.stat().st_size for path in within}
    found = speed(max(sizes, key=sizes.__getitem__)) if sizes else None
    if found is None:
        yield Problem(code="data-far-unmeasured", params=told)
        return
    size = sum(sizes.values())
    yield Problem(code="data-far", params={**told, "mb": round(found / 1e6, 1), "bytes": size, "seconds": size / found})
