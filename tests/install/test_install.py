from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def picture(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Name, size, time and inode of all that lies in a folder."""
    stats = {str(p.relative_to(folder)): p.lstat() for p in folder.rglob("*")}
    return {name: (s.st_size, s.st_mtime_ns, s.st_ino) for name, s in stats.items() if not stat.S_ISDIR(s.st_mode)}


def size(folder: Path) -> int:
    return sum(p.lstat().st_size for p in folder.rglob("*"))


def test_from_nothing_to_the_wizard_in_an_empty_home(machine, start, tmp_path: Path) -> None:
    user = tmp_path / "用户 one"
    user.mkdir()
    path = os.pathsep.join(p for p in machine["PATH"].split(os.pathsep) if not (Path(p) / "uv").exists())
    environment = {**machine, "HOME": str(user), "PATH": path}
    before = picture(ROOT / "wizard")
    done = start(ROOT / "yichuidingyin.sh", "--version", environment=environment, cwd=tmp_path)
    assert done.code == 0, done.talk
    assert done.out.startswith("yichuidingyin ")
    home = user / ".local/share/yichuidingyin"
    strangers = [p for p in user.rglob("*") if p.is_file() and home not in p.parents]
    assert [p for p in strangers if ".rustup" not in p.parts] == []  # pip asks for rustc's version, where there is one
    assert picture(ROOT / "wizard").keys() == before.keys()
    assert size(home / "wizard") < 120e6


def test_the_second_start_changes_nothing_and_needs_no_network(made, machine, start, path_of) -> None:
    script, home = made
    before = picture(home)
    offline = {"UV_OFFLINE": "1", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PATH": path_of(), "YCDY_UV": ""}
    done = start(script, "probe", environment={**machine, **offline, "YCDY_HOME": str(home)})
    assert done.report["argv"] == ["probe"]
    assert done.talk == ""
    assert picture(home) == before


def test_the_launcher_in_the_home_is_the_same_program(made, plain, start, tmp_path: Path) -> None:
    script, home = made
    launcher = home / "bin/yichuidingyin"
    assert os.access(launcher, os.X_OK)
    done = start(launcher, "runs", environment={**plain, "HOME": str(tmp_path)}, cwd=tmp_path)
    assert done.report["environment"]["YCDY_HOME"] == str(home)
    assert done.report["file"] == str(script.parent / "wizard/__init__.py")
    assert list(tmp_path.glob(".local")) == []


def test_the_launcher_follows_a_checkout_that_was_moved(checkout, warm, start, tmp_path: Path) -> None:
    assert start(checkout, environment=warm).code == 0
    moved = tmp_path / "moved 到" / checkout.name
    checkout.parent.rename(moved.parent)
    assert start(moved, environment=warm).code == 0
    assert start(tmp_path / "home/bin/yichuidingyin", environment=warm).report["file"].startswith(str(moved.parent))


def test_a_copy_of_the_launcher_elsewhere_does_not_take_that_place_for_a_home(
    checkout, warm, start, tmp_path: Path
) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/yichuidingyin").symlink_to(checkout)
    kept = {k: v for k, v in warm.items() if k != "YCDY_HOME"}
    seen = start(tmp_path / "usr/bin/yichuidingyin", environment=kept).report
    assert seen["environment"]["YCDY_HOME"] == f"{warm['HOME']}/.local/share/yichuidingyin"


def test_a_read_only_checkout_is_only_read(checkout, warm, start) -> None:
    before = picture(checkout.parent)
    for path in [checkout.parent, *checkout.parent.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    assert start(checkout, environment=warm).code == 0
    assert start(checkout, environment=warm).code == 0
    assert picture(checkout.parent) == before
    for path in [checkout.parent, *checkout.parent.rglob("*")]:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_a_path_with_spaces_and_chinese_characters(make_checkout, warm, start, tmp_path: Path) -> None:
    script = make_checkout(tmp_path / "一锤 [定] 音")
    environment = {**warm, "YCDY_HOME": str(tmp_path / "家 $HOME 'x'")}
    assert start(script, environment=environment).report["environment"]["YCDY_HOME"] == environment["YCDY_HOME"]
    assert start(script, environment={**environment, "LC_ALL": "C"}).code == 0


def test_another_lock_is_synced_into_the_environment(checkout, warm, start, tmp_path: Path) -> None:
    start(checkout, environment=warm)
    lock = checkout.parent / "wizard/requirements.txt"
    lock.write_text(lock.read_text() + "# changed\n")
    assert "Preparing" in start(checkout, environment=warm).talk
    assert start(checkout, environment=warm).talk == ""


def test_a_changed_hash_is_refused(checkout, warm, start, tmp_path: Path) -> None:
    lock = checkout.parent / "wizard/requirements.txt"
    lock.write_text(lock.read_text().replace("sha256:", "sha256:0").replace("\n", "", 0)[:-1])
    done = start(checkout, environment=warm)
    assert done.code == 1
    assert not (tmp_path / "home/wizard/.stamp").exists()


def test_a_source_folder_is_never_taken_for_an_environment(checkout, warm, start) -> None:
    done = start(checkout, environment={**warm, "YCDY_HOME": str(checkout.parent)})
    assert done.code == 2
    assert (checkout.parent / "wizard/__main__.py").exists()


@pytest.mark.parametrize("files", [("own.py",), ("pyvenv.cfg", "bin/python")])
def test_nor_is_a_folder_that_happens_to_have_its_name(
    checkout, warm, start, tmp_path: Path, files: tuple[str]
) -> None:
    for file in files:
        (tmp_path / "home/wizard" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "home/wizard" / file).touch()
    assert start(checkout, environment=warm).code == 2
    assert all((tmp_path / "home/wizard" / file).exists() for file in files)


def test_a_home_that_cannot_be_made_is_one_problem(checkout, warm, start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = start(checkout, environment={**warm, "YCDY_HOME": str(tmp_path / "file/home")})
    assert done.code == 2
    assert "--home" in done.talk


@pytest.fixture
def public() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to be somebody else")
def test_without_root(make_checkout, warm, public: Path, uv: str) -> None:
    script = make_checkout(public / "checkout")
    shutil.copy(uv, public / "uv")
    (public / "user").mkdir()
    os.chown(public / "user", 65534, 65534)
    environment = {**warm, "HOME": str(public / "user"), "YCDY_UV": str(public / "uv"), "PATH": "/usr/bin:/bin"}
    for name in ("YCDY_HOME", "UV_CACHE_DIR"):
        del environment[name]
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    good = "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))"
    if subprocess.run([*nobody, "python3", "-c", good], env=environment, cwd="/", capture_output=True).returncode:
        pytest.skip("no Python that everybody may run")
    argv = [*nobody, "bash", str(script), "a"]
    done = subprocess.run(argv, env=environment, cwd="/", capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    assert (public / "user/.local/share/yichuidingyin/wizard/.stamp").exists()
