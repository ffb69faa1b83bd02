from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "yichuidingyin.sh"


def test_bash_and_shellcheck_accept_the_script() -> None:
    assert subprocess.run(["bash", "-n", str(SCRIPT)]).returncode == 0
    if shutil.which("shellcheck"):
        assert subprocess.run(["shellcheck", str(SCRIPT)]).returncode == 0
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    assert lines[-1] == 'main "$@"'
    assert len(lines) <= 250


@pytest.mark.parametrize("way", ["file", "pipe"])
def test_a_copy_cut_off_anywhere_does_nothing(plain, path_of, tmp_path: Path, way: str) -> None:
    whole = SCRIPT.read_bytes().rstrip(b"\n")
    ends = {i for i, byte in enumerate(whole) if byte == 10}
    cuts = sorted(ends | set(range(len(whole) - 130, len(whole))) | set(range(7, len(whole), 997)))
    copy, user = tmp_path / "copy.sh", tmp_path / "user"
    user.mkdir()
    environment = {**plain, "HOME": str(user), "PATH": path_of()}
    for cut in cuts:
        copy.write_bytes(whole[:cut])
        argv = ["bash", str(copy), "demo"] if way == "file" else ["bash", "-s", "--", "demo"]
        with copy.open("rb") as text:
            done = subprocess.run(argv, env=environment, cwd=user, stdin=text, capture_output=True)
        assert done.stdout == b"", cut
        assert list(user.iterdir()) == [], cut
        assert b"uv" not in done.stderr.replace(b"uv_", b"") or b"unexpected" in done.stderr, (cut, done.stderr)


def slow_uv(uv: str, started: Path) -> str:
    """A uv that gets stuck in the middle of its work."""
    half = 'for a in "$@"; do case "$a" in */bin/python) : >"${a%/bin/python}"/lib/half ;; esac; done'
    return f'venv* | --version) exec {uv} "$@" ;;\npip*) {half}; : >{started}; exec sleep 100 ;;'


@pytest.fixture
def stuck(checkout, warm, uv: str, path_of, tmp_path: Path) -> subprocess.Popen[str]:
    started = tmp_path / "started"
    path = path_of(uv=slow_uv(uv, started))
    environment = {**warm, "PATH": f"{path}{os.pathsep}{warm['PATH']}", "YCDY_UV": ""}
    process = subprocess.Popen(
        ["bash", str(checkout)], env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not started.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def test_killed_in_the_middle_of_installing_the_next_start_builds_anew(
    stuck, checkout, warm, start, tmp_path: Path
) -> None:
    environment = tmp_path / "home/wizard"
    os.killpg(stuck.pid, signal.SIGKILL)
    stuck.communicate()
    assert (environment / "lib/half").exists()
    assert not (environment / ".stamp").exists()
    assert start(checkout, environment=warm).code == 0
    assert not (environment / "lib/half").exists()


def test_ctrl_c_is_code_130_and_the_next_start_goes_on(stuck, checkout, warm, start) -> None:
    os.killpg(stuck.pid, signal.SIGINT)
    assert "goes on" in stuck.communicate(timeout=60)[1]
    assert stuck.returncode == 130
    assert start(checkout, environment=warm).code == 0


def test_a_second_start_waits_for_what_a_killed_one_left_running(stuck, checkout, warm, tmp_path: Path) -> None:
    os.kill(stuck.pid, signal.SIGKILL)
    stuck.wait()
    second = subprocess.Popen(
        ["bash", str(checkout)], env=warm, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert second.stderr
    assert "Waiting" in second.stderr.readline()
    assert (tmp_path / "home/wizard/lib/half").exists()
    os.killpg(stuck.pid, signal.SIGKILL)
    assert second.wait(timeout=60) == 0


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3, 0.6, 1.2])
def test_killed_at_any_moment_the_next_start_is_whole(warm, start, machine, tmp_path: Path, seconds: float) -> None:
    process = subprocess.Popen(
        ["bash", str(SCRIPT), "--version"],
        env=warm,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = start(SCRIPT, "--version", environment=warm)
    assert done.code == 0, done.talk
    python = tmp_path / "home/wizard/bin/python"
    assert subprocess.run([python, "-c", "import textual.app, questionary, psutil, pynvml, jinja2"]).returncode == 0


def test_three_starts_at_once_make_one_environment(checkout, warm, uv: str, path_of, tmp_path: Path) -> None:
    path = path_of(uv=f'*) exec {uv} "$@" ;;')
    environment = {**warm, "PATH": f"{path}{os.pathsep}{warm['PATH']}", "YCDY_UV": ""}
    starts = [subprocess.Popen(["bash", str(checkout)], env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    for process in starts:
        assert b"argv" in process.communicate(timeout=120)[0]
    log = (tmp_path / "path/uv.log").read_text().splitlines()
    assert len([line for line in log if line.startswith("pip sync")]) == 1
