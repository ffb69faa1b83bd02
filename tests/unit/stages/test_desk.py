from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.test_checkpoints import bench_of
from wizard.errors import WizardError
from wizard.journal import Journal, Tail
from wizard.stages.keeping import room


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Errors that the disk answers with, one a line that is to be written."""
    errors: list[int] = []
    append = Journal.append

    def written(self: Journal, **fields: Any) -> None:
        if errors:
            raise OSError(errors.pop(0), "no")
        append(self, **fields)

    monkeypatch.setattr(Journal, "append", written)
    monkeypatch.setattr(room, "POLL_SECONDS", 0.0)
    return errors


def test_a_line_that_a_full_disk_refuses_is_written_when_there_is_room(full: list[int], tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    full += [errno.ENOSPC] * 3
    bench.metric(7, 10, {"loss": 1.0})
    assert [line["step"] for line in Tail(tmp_path / "metrics.jsonl").new()] == [7]


def test_who_waits_for_room_still_stops_when_asked(full: list[int], tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    bench.asked_to_stop = True
    full += [errno.EDQUOT] * 3
    with pytest.raises(SystemExit) as ended:
        bench.note("resumed", step=1)
    assert ended.value.code == 143


def test_nobody_waits_longer_than_a_night(full: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE_SECONDS", 0.0)
    full += [errno.ENOSPC] * 1000
    with pytest.raises(WizardError, match="disk-full"):
        bench_of(tmp_path).phase("train")


def test_another_error_and_several_cards_are_not_waited_for(full: list[int], tmp_path: Path) -> None:
    full += [errno.EIO]
    with pytest.raises(OSError, match="no"):
        bench_of(tmp_path).phase("train")
    full += [errno.ENOSPC]
    with pytest.raises(OSError, match="no"):
        bench_of(tmp_path, n_gpus=2).phase("train")
