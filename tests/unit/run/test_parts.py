from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wizard.contract import Plan, Problem
from wizard.errors import WizardError
from wizard.journal import Home, RunFolder, Tail, locked
from wizard.run import api_key, install_lib, key_file, take
from wizard.run.concessions import History
from wizard.run.ledger import Ledger
from wizard.run.locks import local_place
from wizard.run.processes import end, marked, tree
from wizard.run.uv import failure, mask, uv_environment, with_torch_index

from .conftest import ROOT, VERDICT, stage


def test_a_lock_is_one_s_at_a_time_and_ends_with_its_holder(tmp_path: Path) -> None:
    lock = take(tmp_path / "deep" / "lock")
    assert lock is not None
    assert take(tmp_path / "deep" / "lock") is None
    assert locked(tmp_path / "deep" / "lock")
    lock.release()
    assert not locked(tmp_path / "deep" / "lock")
    assert (tmp_path / "deep" / "lock").exists()


def test_asking_after_a_lock_never_keeps_it_from_anybody(tmp_path: Path) -> None:
    take(tmp_path / "lock").release()  # type: ignore[union-attr]
    with (tmp_path / "lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not locked(tmp_path / "lock")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told_with_a_local_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real = fcntl.flock

    def flock(fd: int, operation: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd if isinstance(fd, int) else fd.fileno()}").startswith(str(tmp_path)):
            raise OSError(code, "no locks")
        real(fd, operation)

    monkeypatch.setattr("wizard.run.locks.fcntl.flock", flock)
    with pytest.raises(WizardError, match="lock-unsupported") as caught:
        take(tmp_path / "lock")
    params = caught.value.problem.params
    assert params["path"] == str(tmp_path)
    assert not params["local"].startswith(str(tmp_path))


def test_the_local_place_is_the_first_that_can_lock(tmp_path: Path) -> None:
    assert local_place([tmp_path / "missing", tmp_path]) == str(tmp_path / "yichuidingyin")


def test_marked_processes_are_found_and_ended_even_if_deaf() -> None:
    marker = {"YCDY_STAGE": f"test/{os.getpid()}"}
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, **marker}, start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert marked(marker) == [process.pid]
    assert process.pid in tree(os.getpid())
    assert marked({**marker, "YCDY_RUN_DIR": "/elsewhere"}) == []

    def find() -> list[int]:
        process.poll()
        return marked(marker)

    assert end(find, grace=0.1) == 1
    assert process.wait() == -9


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path)
    key = api_key(home, "run")
    assert api_key(home, "run") == key
    assert len(key) > 30
    assert stat.S_IMODE(key_file(home, "run").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o700
    assert api_key(home, "other") != key


def test_a_key_file_left_empty_by_a_death_is_made_anew(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path)
    api_key(home, "run")
    key_file(home, "run").write_text("")
    assert api_key(home, "run")


def test_the_engine_side_code_is_copied_and_enough(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path)
    digest = install_lib(home, ROOT / "wizard")
    assert install_lib(home, ROOT / "wizard") == digest
    lib = home.lib / digest
    assert [path.name for path in home.lib.iterdir()] == [digest]
    code = "import wizard.journal, wizard.errors, sys; print(wizard.journal.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(lib)}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.startswith(str(lib)), done.stderr
    assert not (lib / "wizard" / "run").exists()


def test_changed_code_has_another_digest(tmp_path: Path) -> None:
    package = tmp_path / "wizard"
    (package / "stages").mkdir(parents=True)
    (package / "stages" / "train.py").write_text("1")
    (package / "cli.py").write_text("1")
    home = Home(tmp_path / "home", tmp_path / "home")
    first = install_lib(home, package)
    (package / "cli.py").write_text("2")
    assert install_lib(home, package) == first
    (package / "stages" / "train.py").write_text("2")
    assert install_lib(home, package) != first


def test_a_full_disk_does_not_silence_the_supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    ledger = Ledger(folder)
    assert folder.reserve.stat().st_size == 1 << 20
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if folder.reserve.exists():
            raise OSError(errno.ENOSPC, "full")
        return real(fd, data)

    monkeypatch.setattr("wizard.journal.lines.os.write", full)
    ledger.write("run-ended", status="failed", problem=Problem(code="run-disk-full"))
    (event,) = Tail(folder.supervisor).new()
    assert event["problem"]["code"] == "run-disk-full"
    assert not folder.reserve.exists()


def test_lines_that_found_no_room_at_all_follow_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(RunFolder(tmp_path))

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr("wizard.journal.lines.os.write", full)
        ledger.write("a")
        ledger.write("b")
    ledger.write("c")
    assert [event["kind"] for event in Tail(tmp_path / "supervisor.jsonl").new()] == ["a", "b", "c"]


def history(*events: dict[str, object]) -> History:
    train = stage("train", "", 1, rungs=({}, {"micro_batch": 2}, {"micro_batch": 1, "seq_len": 512}))
    plan = Plan(
        run="r",
        created=0,
        language="en",
        choice=None,  # type: ignore[arg-type]
        device="cpu",
        gpus=(),
        stages=(train,),
        environments=(),
        forecast=VERDICT,
    )
    return History(plan, events)


def test_a_lower_rung_overrules_an_earlier_wish_for_the_same_knob() -> None:
    wish = {"kind": "conceded", "stage": "train", "to": 0, "by": "user", "changes": {"micro_batch": 3, "accumulate": 3}}
    assert history(wish).knobs("train") == {"micro_batch": 3, "accumulate": 3}
    down = {"kind": "conceded", "stage": "train", "to": 1, "by": "supervisor"}
    assert history(wish, down).knobs("train") == {"micro_batch": 2, "accumulate": 3}
    assert history(down, wish).knobs("train") == {"micro_batch": 3, "accumulate": 3}


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ("error: Failed to fetch: `x`\n  Caused by: error sending request for url", "environment-index-unreachable"),
        ("error: Hash mismatch for `tiny==1.0`\n\nExpected:\n", "environment-hash-mismatch"),
        ("  x No solution found when resolving dependencies:", "environment-no-solution"),
        ("error: No interpreter found for Python 3.9 in managed installations", "environment-python-missing"),
        ("error: failed to write\n  Caused by: No space left on device (os error 28)", "environment-disk-full"),
        ("HTTP status client error (401 Unauthorized) for url", "environment-index-refused"),
        ("error: something new", "environment-failed"),
    ],
)
def test_failures_of_uv_are_told_apart(output: str, code: str) -> None:
    assert failure(output) == code


def test_secrets_in_addresses_are_masked() -> None:
    assert mask("at https://me:s3cret@host/simple") == "at https://***@host/simple"
    assert mask("get http://host/x?token=abc&y=1") == "get http://host/x?token=***&y=1"


def test_a_torch_index_is_handed_on_only_where_a_flavour_is_asked_for(tmp_path: Path) -> None:
    base = {"YCDY_TORCH_INDEX": "/wheels", "UV_FIND_LINKS": "/own", "PYTHONDONTWRITEBYTECODE": "1"}
    plain = uv_environment(Home(tmp_path, tmp_path), base, {})
    assert plain["UV_FIND_LINKS"] == "/own"
    assert "PYTHONDONTWRITEBYTECODE" not in plain
    assert plain["DS_BUILD_OPS"] == "0"
    assert with_torch_index(plain, "torch==2.13.0 \\\n") is None
    cpu = with_torch_index(plain, "numpy==1\ntorch==2.13.0+cpu \\\n")
    assert cpu and cpu["UV_FIND_LINKS"] == "/wheels,/own"
    remote = with_torch_index({"YCDY_TORCH_INDEX": "https://host/whl/cpu"}, "torch==2.13.0+cpu")
    assert remote and remote["UV_INDEX"] == "https://host/whl/cpu"
    assert remote["UV_INDEX_STRATEGY"] == "unsafe-best-match"
