from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.view import fake_values
from wizard import words
from wizard.contract import DataChoice, DataSource, Plan
from wizard.detect import Mount
from wizard.journal import Home
from wizard.session.far import away

HOME = Home(Path("/home/you/ycdy"), Path("/home/you/ycdy"))
LOCAL = Mount(place="/", device="8:1", kind="local", writable=True, file_system="ext4")
NFS = Mount(place="/data", device="0:9", kind="network", writable=True, file_system="nfs4")
MEMORY = Mount(place="/dev/shm", device="0:10", kind="memory", writable=True, file_system="tmpfs")
DISKS = (fake_values.DATA_DISK, fake_values.HOME_DISK)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b"x" * 4_000_000)
    return file


def plan(file: Path, **more: bool) -> Plan:
    data = DataChoice(kind="path", ref=str(file), **more)
    return fake_values.plan(fake_values.choice(fake_values.IDENTITY, data))


def codes(plan: Plan, data: Mount, store: Mount = LOCAL, speed: float | None = 2e6) -> list[str]:
    def place(path: Path) -> Mount:
        return store if path == HOME.store else data

    return [found.code for found in away(plan, HOME, DISKS, place, lambda _: speed)]


def test_data_on_a_network_are_told_with_what_was_measured(file: Path) -> None:
    (found,) = away(plan(file), HOME, DISKS, lambda path: LOCAL if path == HOME.store else NFS, lambda _: 2e6)
    assert (found.params["mb"], found.params["bytes"], found.params["seconds"]) == (2.0, 4_000_000, 2.0)
    told = words.problem(found.code, found.params, "en")
    assert "nfs4" in told["what"] and "2.0 MB" in told["what"]
    assert "copied = true" in told["next"]


def test_each_source_is_looked_at_and_of_a_folder_all_files(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(b"x" * 1000)
    several = plan(file)
    sources = (DataSource(ref=str(file)), DataSource(ref=str(folder)))
    several = replace(several, choice=replace(several.choice, data=replace(several.choice.data, sources=sources)))
    found = list(away(several, HOME, DISKS, lambda path: LOCAL if path == HOME.store else NFS, lambda _: 2e6))
    assert [problem.params["bytes"] for problem in found] == [4_000_000, 2000]


def test_nothing_is_said_of_what_lies_here_or_is_copied_or_pretended(file: Path) -> None:
    assert codes(plan(file), LOCAL) == []
    assert codes(plan(file, copied=True), NFS) == []
    assert codes(replace(plan(file), pretend="rtx-4090"), NFS, NFS) == []


def test_a_server_that_does_not_answer_is_told_too(file: Path) -> None:
    assert codes(plan(file), NFS, speed=None) == ["data-far-unmeasured"]


@pytest.mark.parametrize(("store", "code"), [(NFS, "store-network"), (MEMORY, "store-memory")])
def test_a_store_that_is_no_disk_of_this_machine_names_one(file: Path, store: Mount, code: str) -> None:
    (found,) = away(plan(file), HOME, DISKS, lambda path: store if path == HOME.store else LOCAL, lambda _: None)
    assert (found.code, found.params["other"]) == (code, "/home/you")
