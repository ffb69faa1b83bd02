"""The limits a container or a batch system sets: control groups of both versions, read from the leaf upwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NO_LIMIT = 1 << 60  # version 1 writes a number near 2^63 for "none"
SYSTEM_ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLimit:
    total_bytes: int
    free_bytes: int


def memory_limit(root: Path = SYSTEM_ROOT) -> MemoryLimit | None:
    """The tightest limit above this process; page cache counts as free, for the kernel gives it up first."""
    limits = [limit for folder in folders("memory", root) if (limit := _memory(folder))]
    if not limits:
        return None
    return MemoryLimit(
        total_bytes=min(limit.total_bytes for limit in limits), free_bytes=min(limit.free_bytes for limit in limits)
    )


def cpu_limit(root: Path = SYSTEM_ROOT) -> float | None:
    """How many cores' worth of time this process may use."""
    quotas = [quota for folder in folders("cpu", root) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def folders(controller: str, root: Path = SYSTEM_ROOT) -> Iterator[Path]:
    """This process's group of `controller` and the groups above it, leaf first."""
    own = _own_groups(_text(root / "proc/self/cgroup"))
    for kind, options, mounted, at in _mounts(_text(root / "proc/self/mountinfo")):
        names = {""} if kind == "cgroup2" else options & {controller}
        for name in names & own.keys():
            relative = own[name].removeprefix(mounted.rstrip("/")).strip("/")
            leaf = root / at.strip("/") / relative
            top = root / at.strip("/")
            yield from (folder for folder in (leaf, *leaf.parents) if folder == top or top in folder.parents)


def _own_groups(text: str) -> dict[str, str]:
    """Controller -> path; the controller of version 2 is named ""."""
    groups: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _mounts(text: str) -> Iterator[tuple[str, set[str], str, str]]:
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        place, what = left.split(), right.split()
        if len(place) > 4 and len(what) > 2 and what[0] in ("cgroup", "cgroup2"):
            yield what[0], set(what[2].split(",")), place[3], place[4]


def _memory(folder: Path) -> MemoryLimit | None:
    total = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
    if not total or total >= NO_LIMIT:
        return None
    used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
    stat = dict(line.split()[:2] for line in _text(folder / "memory.stat").splitlines() if " " in line)
    cache = sum(int(stat.get(f"total_{kind}", stat.get(kind, 0))) for kind in ("active_file", "inactive_file"))
    return MemoryLimit(total_bytes=total, free_bytes=max(0, total - max(0, used - cache)))


def _quota(folder: Path) -> float | None:
    quota, period = [*_text(folder / "cpu.max").split(), "", ""][:2]
    if not quota:
        quota = _text(folder / "cpu.cfs_quota_us").strip()
        period = _text(folder / "cpu.cfs_period_us").strip()
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    return int(quota) / int(period)


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdigit() else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
