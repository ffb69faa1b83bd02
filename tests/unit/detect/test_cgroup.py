from __future__ import annotations

from pathlib import Path

import pytest

from wizard.detect import cgroup

GIB = 1 << 30


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")


V2 = {
    "proc/self/cgroup": "0::/job/step",
    "proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
}
V1 = {
    "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc",
    "proc/self/mountinfo": (
        "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
    ),
}


def test_without_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert cgroup.memory_limit(tmp_path) is None
    assert cgroup.cpu_limit(tmp_path) is None


def test_version_2_takes_the_tightest_limit_above(tmp_path: Path) -> None:
    put(
        tmp_path,
        V2
        | {
            "sys/fs/cgroup/job/memory.max": str(8 * GIB),
            "sys/fs/cgroup/job/memory.current": str(5 * GIB),
            "sys/fs/cgroup/job/memory.stat": f"anon 1\nactive_file {GIB}\ninactive_file {GIB}",
            "sys/fs/cgroup/job/step/memory.max": "max",
            "sys/fs/cgroup/job/step/cpu.max": "250000 100000",
            "sys/fs/cgroup/job/cpu.max": "max 100000",
        },
    )
    assert cgroup.memory_limit(tmp_path) == cgroup.MemoryLimit(total_bytes=8 * GIB, free_bytes=5 * GIB)
    assert cgroup.cpu_limit(tmp_path) == pytest.approx(2.5)


def test_version_1_inside_a_container_finds_its_own_group(tmp_path: Path) -> None:
    put(
        tmp_path,
        V1
        | {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(4 * GIB),
            "sys/fs/cgroup/memory/memory.usage_in_bytes": str(3 * GIB),
            "sys/fs/cgroup/memory/memory.stat": f"inactive_file 7\ntotal_active_file 0\ntotal_inactive_file {GIB}",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    )
    assert cgroup.memory_limit(tmp_path) == cgroup.MemoryLimit(total_bytes=4 * GIB, free_bytes=2 * GIB)
    assert cgroup.cpu_limit(tmp_path) == pytest.approx(1.5)


def test_version_1_numbers_that_mean_none_are_none(tmp_path: Path) -> None:
    put(
        tmp_path,
        V1
        | {
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    )
    assert cgroup.memory_limit(tmp_path) is None
    assert cgroup.cpu_limit(tmp_path) is None


def test_garbage_is_no_limit(tmp_path: Path) -> None:
    put(tmp_path, {"proc/self/cgroup": "what\n::\n", "proc/self/mountinfo": "not a mount\n - cgroup2\n"})
    assert cgroup.memory_limit(tmp_path) is None
