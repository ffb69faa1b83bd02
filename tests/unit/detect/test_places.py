from __future__ import annotations

import os
from pathlib import Path

import pytest

from wizard.detect import place_of, reading_speed


@pytest.mark.parametrize(
    ("file_system", "source", "kind"),
    [
        ("ext4", "/dev/vda1", "local"),
        ("fuse.juicefs", "JuiceFS:data", "network"),
        ("lustre", "10.0.0.1@tcp:/scratch", "network"),
        ("ceph", "10.0.0.1:6789:/", "network"),
        ("tmpfs", "tmpfs", "memory"),
    ],
)
def test_a_path_lies_where_its_mount_says(tmp_path: Path, file_system: str, source: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / {tmp_path}/data\\040set rw - {file_system} {source} rw\n"
    )
    (tmp_path / "data set").mkdir()
    found = place_of(tmp_path / "data set" / "rows.jsonl", mounts)
    assert (found.kind, found.file_system) == (kind, file_system)
    assert place_of(tmp_path / "elsewhere", mounts).kind == "local"


def test_a_file_is_read_to_see_how_fast(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(os.urandom(8 << 20))
    speed = reading_speed(file)
    assert speed and speed > 1e6


def test_what_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "small").write_bytes(b"x")
    assert reading_speed(tmp_path / "pipe", 0.1) is None
    assert reading_speed(tmp_path / "small") is None
    assert reading_speed(tmp_path / "gone") is None
