from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from wizard.detect import Meter, driver, meter


@pytest.fixture
def without_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "has_library", lambda: False)


pytestmark = pytest.mark.usefixtures("without_cards")


def test_the_whole_tree_is_weighed(tmp_path: Path) -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdin and parent.stdout
        assert parent.stdout.readline() == "1\n"
        assert len(list(meter.tree([parent.pid, parent.pid]))) == 2
        alone = next(iter(meter.tree([parent.pid]))).memory_info().rss
        assert Meter(lambda: [parent.pid], tmp_path)()["rss_bytes"] > alone
        parent.stdin.write("\n")


def test_work_shows_from_the_second_reading_on(tmp_path: Path) -> None:
    read = Meter(lambda: [os.getpid()], tmp_path)
    assert "cpu_percent" not in read()
    enough = os.times().user + 0.05
    while os.times().user < enough:
        sum(range(10_000))
    assert 0 < read()["cpu_percent"] <= 200


def test_processes_that_are_gone_weigh_nothing(tmp_path: Path) -> None:
    assert Meter(lambda: [2**22 + 1], tmp_path)()["rss_bytes"] == 0


def test_a_reading_never_fails(tmp_path: Path) -> None:
    def broken() -> Iterable[int]:
        raise RuntimeError("the supervisor is in trouble")

    readings = Meter(broken, tmp_path / "gone")()
    assert set(readings) == {"ram_free_bytes"}


def test_host_and_disk_are_read(tmp_path: Path) -> None:
    readings = Meter(list, tmp_path)()
    assert readings["ram_free_bytes"] > 0
    assert readings["disk_free_bytes"] > 0
