from __future__ import annotations

import os
from pathlib import Path

import pytest

from wizard.detect import speed
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


def test_a_speed_is_measured_once_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "WAIT_SECONDS", 60)
    first = speed.read_speed(tmp_path)
    assert first is not None
    assert first > 0
    assert sorted(os.listdir(tmp_path)) == ["cache"]
    monkeypatch.setattr(speed, "probe", lambda _: pytest.fail("measured again"))
    assert speed.read_speed(tmp_path) == first
    assert os.listdir(tmp_path / "cache") == ["disk-speed.json"]


def test_a_home_that_is_not_there_is_not_made_for_a_speed(tmp_path: Path) -> None:
    assert speed.read_speed(tmp_path / "none") is None
    assert not (tmp_path / "none").exists()


def test_a_broken_memory_of_the_speed_is_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "WAIT_SECONDS", 60)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "disk-speed.json").write_text("{", encoding="utf-8")
    assert speed.read_speed(tmp_path) is not None


def test_a_disk_that_cannot_be_written_has_no_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> float:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(speed, "probe", full)
    assert speed.read_speed(tmp_path) is None
