from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Literal

import pytest

from wizard.contract import Disk
from wizard.detect import machine, speed
from wizard.detect.disks import disks, kind_of, mount_of, offered, read_mounts


def mounts(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("file_system", "source", "kind"),
    [
        ("ext4", "/dev/nvme0n1p2", "local"),
        ("overlay", "overlay", "local"),
        ("zfs", "tank/home", "local"),
        ("fuseblk", "/dev/sdb1", "local"),
        ("fuse.fuse-overlayfs", "fuse-overlayfs", "local"),
        ("nfs4", "server:/export", "network"),
        ("fuse.sshfs", "me@there:", "network"),
        ("9p", "C:", "network"),
        ("tmpfs", "tmpfs", "memory"),
        ("squashfs", "/dev/loop3", None),
        ("proc", "proc", None),
        ("cgroup2", "cgroup2", None),
    ],
)
def test_the_kind_follows_the_file_system(file_system: str, source: str, kind: str | None) -> None:
    assert kind_of(file_system, source) == kind


def test_the_homes_disk_comes_first_also_before_the_home_exists(tmp_path: Path) -> None:
    home = tmp_path / "not" / "yet"
    first = disks(home)[0]
    assert first.total_bytes > 0
    assert str(tmp_path).startswith(first.path.rstrip("/"))


def test_the_longest_and_last_mount_holds_a_folder(tmp_path: Path) -> None:
    file = mounts(
        tmp_path,
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
        f"2 1 8:2 / {tmp_path} rw - ext4 /dev/sda2 rw",
        f"3 1 0:9 / {tmp_path} rw - nfs4 server:/x rw",
    )
    known = tuple(read_mounts(file))
    assert mount_of(tmp_path / "home", known).kind == "network"
    assert mount_of(Path("/"), known).place == "/"


def test_a_name_that_only_begins_alike_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "data2").mkdir()
    file = mounts(tmp_path, "1 0 8:1 / / rw - ext4 /dev/sda1 rw", f"2 1 8:2 / {tmp_path}/data rw - ext4 /dev/sda2 rw")
    assert mount_of(tmp_path / "data2", tuple(read_mounts(file))).place == "/"


def test_blanks_in_a_mount_are_read(tmp_path: Path) -> None:
    file = mounts(tmp_path, r"1 0 8:1 / /mnt/my\040disk rw - ext4 /dev/sda1 rw")
    assert next(read_mounts(file)).place == "/mnt/my disk"


@pytest.mark.parametrize(
    "line",
    [
        "1 0 8:1 / /mnt/a ro - ext4 /dev/sda1 rw",
        "1 0 8:1 / /mnt/a rw - ext4 /dev/sda1 ro",
        "1 0 8:1 / /boot/efi rw - ext4 /dev/sda1 rw",
        "1 0 0:9 / /dev/shm rw - tmpfs tmpfs rw",
        "1 0 0:9 / /scratch rw - tmpfs tmpfs rw",
    ],
)
def test_what_cannot_keep_models_is_not_offered(tmp_path: Path, line: str) -> None:
    assert not any(offered(mount) for mount in read_mounts(mounts(tmp_path, line)))


def test_other_disks_are_listed_once_per_file_system(tmp_path: Path) -> None:
    data, twin = tmp_path / "data", tmp_path / "twin"
    data.mkdir()
    twin.mkdir()
    file = mounts(
        tmp_path,
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
        f"2 1 8:2 / {data} rw - ext4 /dev/sda2 rw",
        f"3 1 8:2 /x {twin} rw - ext4 /dev/sda2 rw",
        f"4 1 8:1 / {twin} rw - ext4 /dev/sda1 rw",
        f"5 1 8:3 / {tmp_path}/gone rw - ext4 /dev/sda3 rw",
        f"6 1 8:4 / {file_of(tmp_path)} rw - ext4 /dev/sda4 rw",
    )
    assert [disk.path for disk in disks(Path("/"), file)] == ["/", str(data)]


def file_of(tmp_path: Path) -> Path:
    file = tmp_path / "resolv.conf"
    file.touch()
    return file


def test_without_a_table_of_mounts_the_home_is_still_measured(tmp_path: Path) -> None:
    assert [disk.path for disk in disks(tmp_path, tmp_path / "none")] == [str(tmp_path)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_a_speed_is_measured_once_and_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = speed.read_speeds(home, [home], patience=60)
    assert first[home] > 0
    assert sorted(os.listdir(home)) == ["cache"]
    monkeypatch.setattr(speed, "probe", lambda _: pytest.fail("measured again"))
    assert speed.read_speeds(home, [home]) == first
    assert os.listdir(home / "cache") == ["disk-speed.json"]


def test_every_disk_keeps_a_speed_of_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {home.parent / name: 1e9 * place for place, name in enumerate(("a", "b", "c"), 1)}
    monkeypatch.setattr(speed, "probe", rates.__getitem__)
    monkeypatch.setattr(speed, "device", lambda folder: folder.name)
    assert speed.read_speeds(home, list(rates), patience=60) == rates
    monkeypatch.setattr(speed, "probe", lambda _: pytest.fail("measured again"))
    assert speed.read_speeds(home, list(rates)) == rates


def test_a_disk_that_hangs_holds_up_neither_the_others_nor_the_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick, slow, over = home.parent / "quick", home.parent / "slow", threading.Event()
    done = threading.Event()

    def probe(folder: Path) -> float:
        if folder == slow:
            over.wait()
        else:
            done.set()
        return 1e9

    monkeypatch.setattr(speed, "probe", probe)
    monkeypatch.setattr(speed, "device", lambda folder: folder.name)
    found = speed.read_speeds(home, [slow, quick], patience=0.5)
    assert slow not in found
    assert done.is_set()
    over.set()
    while slow.name not in speed.remembered(home):
        threading.Event().wait(0.01)
    assert speed.read_speeds(home, [slow])[slow] == 1e9


def test_a_home_that_is_not_there_is_not_made_for_a_speed(tmp_path: Path) -> None:
    assert speed.read_speeds(tmp_path / "none", [tmp_path]) == {}
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"1": "x"}'])
def test_a_broken_memory_of_the_speed_is_measured_anew(home: Path, text: str) -> None:
    (home / "cache").mkdir()
    (home / "cache" / "disk-speed.json").write_text(text, encoding="utf-8")
    assert home in speed.read_speeds(home, [home], patience=60)


def test_a_disk_that_cannot_be_written_has_no_speed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> float:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(speed, "probe", full)
    assert speed.read_speeds(home, [home], patience=60) == {}


def test_only_local_disks_with_room_are_measured(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk(path: str, kind: Literal["local", "network", "memory"], free: int = 10**10) -> Disk:
        return Disk(path=path, free_bytes=free, total_bytes=10**10, kind=kind)

    here = (disk("/", "local"), disk("/data", "local"), disk("/net", "network"), disk("/full", "local", 1000))
    measured: list[Path] = []

    def rate(folder: Path) -> float:
        measured.append(folder)
        return 2e9

    monkeypatch.setattr(machine, "disks", lambda _: here)
    monkeypatch.setattr(speed, "probe", rate)
    monkeypatch.setattr(speed, "device", str)
    found = machine.measured_disks(home, True, 60)
    assert [disk.bytes_per_second for disk in found] == [2e9, 2e9, None, None]
    assert sorted(measured) == [Path("/data"), home]
    memory = (disk("/dev/shm", "memory"), disk("/data", "local"))
    monkeypatch.setattr(machine, "disks", lambda _: memory)
    assert [disk.bytes_per_second for disk in machine.measured_disks(home, True, 60)] == [None, 2e9]
