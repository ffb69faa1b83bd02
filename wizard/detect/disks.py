"""Disks this person can write to: the one that holds a folder first, then every other mount with room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import Literal

from wizard.contract import Disk

Kind = Literal["local", "network", "memory"]
MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset((
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "virtiofs",
    "fuse", "juicefs", "cpfs", "orangefs", "pvfs2", "wekafs", "panfs", "davfs", "vboxsf", "prl_fs", "drvfs",
))  # fmt: skip
MEMORY = frozenset(("tmpfs", "ramfs"))
LOCAL = frozenset((
    "overlay", "fuse.fuse-overlayfs", "fuse.mergerfs", "fuse.gocryptfs", "fuse.encfs", "fuse.bindfs", "zfs", "btrfs",
    "bcachefs",
))  # fmt: skip
IMAGE_FILES = frozenset(("squashfs", "iso9660", "erofs", "udf", "vfat"))
SYSTEM_PLACES = ("/proc", "/sys", "/dev", "/run", "/boot", "/etc", "/snap")
SMALLEST = 4_000_000_000  # not even one environment fits on less
ANSWER_WITHIN = 0.2  # seconds; a network mount whose server is gone never answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    place: str
    device: str  # major:minor, the same for every bind of one file system
    kind: Kind
    writable: bool
    file_system: str = ""


def disks(path: Path, mounts: Path = MOUNTS) -> tuple[Disk, ...]:
    known = tuple(read_mounts(mounts))
    home = mount_of(path, known)
    found = [space(home) or Disk(path=home.place, free_bytes=0, total_bytes=0, kind=home.kind)]
    seen = {home.device}
    for mount in sorted(known, key=lambda mount: len(mount.place)):
        if mount.device in seen or not offered(mount):
            continue
        disk = in_time(mount) if mount.kind == "network" else mine(mount)
        if disk:
            seen.add(mount.device)
            found.append(disk)
    return tuple(found)


def read_mounts(file: Path = MOUNTS) -> Iterator[Mount]:
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        place, what = left.split(), right.split()
        if len(place) > 5 and len(what) > 2:
            kind = kind_of(what[0], what[1])
            if kind:
                # A mount is read-only by its own options or by those of the file system below it.
                read_only = "ro" in place[5].split(",") or "ro" in what[2].split(",")
                yield Mount(
                    place=unescape(place[4]), device=place[2], kind=kind, writable=not read_only, file_system=what[0]
                )


def kind_of(file_system: str, source: str) -> Kind | None:
    """None for what holds no files of ours: proc, cgroups, images."""
    if file_system in LOCAL:
        return "local"
    if file_system.partition(".")[0] in NETWORK:  # fuse.sshfs, fuse.s3fs and the like
        return "network"
    if file_system in MEMORY:
        return "memory"
    return "local" if source.startswith("/dev/") and file_system not in IMAGE_FILES else None


def unescape(place: str) -> str:
    """mountinfo writes blanks and backslashes as octal numbers."""
    for octal in ("\\040", "\\011", "\\012", "\\134"):
        place = place.replace(octal, chr(int(octal[1:], 8)))
    return place


def offered(mount: Mount) -> bool:
    inside_system = any(mount.place == place or mount.place.startswith(place + "/") for place in SYSTEM_PLACES)
    return mount.writable and mount.kind != "memory" and not inside_system


def existing(path: Path) -> Path:
    """The nearest folder above `path` that is there."""
    path = Path(os.path.abspath(path))
    return next(folder for folder in (path, *path.parents) if folder.exists())


def mount_of(path: Path, mounts: tuple[Mount, ...]) -> Mount:
    real = os.path.realpath(existing(path))
    above = [mount for mount in mounts if mount.place == "/" or (real + "/").startswith(mount.place + "/")]
    if not above:
        return Mount(place=str(existing(path)), device="", kind="local", writable=True)
    longest = max(len(mount.place) for mount in above)
    return [mount for mount in above if len(mount.place) == longest][-1]  # the last one mounted hides the others


def mine(mount: Mount) -> Disk | None:
    """The mount with the folder on it in which this person may write."""
    folders = (mount.place, os.path.join(mount.place, os.environ.get("USER", "")), os.path.expanduser("~"))
    for folder in folders:
        inside = folder == mount.place or folder.startswith(mount.place.rstrip("/") + "/")
        if inside and os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
            disk = space(replace(mount, place=folder))
            return disk if disk and disk.total_bytes >= SMALLEST else None
    return None


def space(mount: Mount) -> Disk | None:
    try:
        state = os.statvfs(mount.place)
    except OSError:
        return None
    return Disk(
        path=mount.place,
        free_bytes=state.f_bavail * state.f_frsize,
        total_bytes=state.f_blocks * state.f_frsize,
        kind=mount.kind,
    )


def in_time(mount: Mount) -> Disk | None:
    answer: list[Disk | None] = []
    thread = Thread(target=lambda: answer.append(mine(mount)), daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN)
    return answer[0] if answer else None
