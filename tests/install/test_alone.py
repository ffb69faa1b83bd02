from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "yichuidingyin.sh"


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    (tmp_path / "copied").mkdir()
    return Path(shutil.copy(SCRIPT, tmp_path / "copied"))


def test_alone_the_script_installs_its_source_and_says_so(
    alone, warm, start, stand_in_wheel: Path, tmp_path: Path
) -> None:
    done = start(
        alone,
        "probe",
        "--source",
        f"../{stand_in_wheel.parent.name}/{stand_in_wheel.name}",
        environment=warm,
        cwd=alone.parent,
    )
    assert str(stand_in_wheel.name) in done.talk
    assert done.report["argv"] == ["probe"]
    assert done.report["file"].startswith(f"{tmp_path}/home/wizard/lib/")
    site = Path(done.report["file"]).parents[1]
    assert list(site.glob("mdurl-*.dist-info"))


def test_afterwards_it_needs_neither_the_source_nor_the_network(
    alone, warm, start, stand_in_wheel: Path, tmp_path: Path
) -> None:
    start(alone, environment={**warm, "YCDY_SOURCE": str(stand_in_wheel)})
    stand_in_wheel.unlink()
    offline = {**warm, "UV_OFFLINE": "1"}
    for script in (alone, tmp_path / "home/bin/yichuidingyin"):
        assert start(script, environment=offline).report["file"].startswith(f"{tmp_path}/home/wizard/")
    assert start(script, environment={**offline, "YCDY_SOURCE": str(stand_in_wheel)}).code == 0


def test_a_newer_file_under_the_same_name_is_installed_anew(
    alone, warm, start, stand_in_wheel: Path, tmp_path: Path
) -> None:
    environment = {**warm, "YCDY_SOURCE": str(stand_in_wheel)}
    start(alone, environment=environment)
    os.utime(stand_in_wheel, (4e9, 4e9))
    assert "installing" in start(alone, environment=environment).talk


def test_through_a_pipe_it_is_the_same(warm, start, stand_in_wheel: Path) -> None:
    environment = {**warm, "YCDY_SOURCE": str(stand_in_wheel)}
    done = start(SCRIPT, "probe", "--json", environment=environment, text=SCRIPT.read_text(encoding="utf-8"))
    assert done.report["argv"] == ["probe", "--json"]


def test_through_a_pipe_a_terminal_is_asked_where_there_is_one(warm, stand_in_wheel: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    environment = {**warm, "YCDY_SOURCE": str(stand_in_wheel)}
    process = pexpect.spawn("bash", ["-c", f"cat '{SCRIPT}' | bash"], env=environment, timeout=60, encoding="utf-8")
    process.expect('"stdin_is_a_terminal": true')
    process.close()


def test_a_source_that_is_not_there_is_one_problem(alone, warm, start, tmp_path: Path) -> None:
    done = start(alone, environment={**warm, "YCDY_SOURCE": str(tmp_path / "absent.whl"), "UV_OFFLINE": "1"})
    assert done.code == 1
    assert "absent.whl" in done.talk
    assert not (tmp_path / "home/wizard/.stamp").exists()


def test_without_a_source_it_takes_the_project_by_its_name(alone, warm, start, stand_in_wheel: Path) -> None:
    local = {**warm, "UV_FIND_LINKS": f"{stand_in_wheel.parent}", "PIP_FIND_LINKS": ""}
    done = start(alone, environment=local)
    assert "installing yichuidingyin" in done.talk
    assert done.code == 0


def test_a_checkout_and_a_copy_share_a_home(alone, checkout, warm, start, stand_in_wheel: Path, tmp_path: Path) -> None:
    start(alone, environment={**warm, "YCDY_SOURCE": str(stand_in_wheel)})
    assert start(checkout, environment=warm).report["file"].startswith(str(checkout.parent))
    again = start(alone, environment={**warm, "YCDY_SOURCE": str(stand_in_wheel)})
    assert again.report["file"].startswith(f"{tmp_path}/home/wizard/")


@pytest.fixture(scope="session")
def built(uv: str, machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    argv = [uv, "build", "-q", "--out-dir", str(folder), str(ROOT)]
    done = subprocess.run(argv, env=dict(machine), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_carries_recipes_boards_and_the_script(built: Path) -> None:
    names = set(zipfile.ZipFile(next(built.glob("*.whl"))).namelist())
    for folder in ("recipes", "hardware_profiles"):
        wanted = {
            f"wizard/_data/{p.relative_to(ROOT)}" for p in (ROOT / folder).rglob("*") if p.suffix in (".toml", ".txt")
        }
        assert wanted
        assert wanted <= names
    assert {"wizard/_data/yichuidingyin.sh", "wizard/requirements.txt", "wizard/words/zh.toml"} <= names
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]


@pytest.mark.parametrize("kind", ["wheel", "archive", "git"])
def test_the_real_package_from_every_kind_of_source(alone, warm, start, built: Path, tmp_path: Path, kind: str) -> None:
    source = str(next(built.glob("*.whl" if kind == "wheel" else "*.tar.gz")))
    if kind == "git":
        with tarfile.open(source) as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
        repository = next((tmp_path / "unpacked").iterdir())
        git = ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x@x.test"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
            subprocess.run([*git, *command], check=True, capture_output=True)
        source = f"git+file://{repository}"
    done = start(alone, "--version", environment={**warm, "YCDY_SOURCE": source}, cwd=tmp_path)
    assert done.code == 0, done.talk
    assert done.out.startswith("yichuidingyin ")


def test_the_lock_has_no_addresses_and_a_hash_for_everything() -> None:
    for lock in ("wizard/requirements.txt", "tests/requirements.txt"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        assert not re.search(r"://|--(extra-)?index|--find-links", text)
        assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", text.strip()))


def test_the_test_verb_runs_the_tests_in_an_environment_of_its_own(checkout, machine, start, tmp_path: Path) -> None:
    names = "pytest|pytest-xdist|execnet|pluggy|iniconfig|packaging|pygments|exceptiongroup|tomli|typing-extensions"
    entries = re.findall(r"(?m)^[a-z0-9].*(?:\n    .*)*", (ROOT / "tests/requirements.txt").read_text(encoding="utf-8"))
    tests = checkout.parent / "tests"
    tests.mkdir()
    (tests / "requirements.txt").write_text("\n".join(e for e in entries if re.match(f"({names})==", e)) + "\n")
    (tests / "test_it.py").write_text("def test_good(): pass\ndef test_bad(): assert False\n")
    environment = {**machine, "YCDY_HOME": str(tmp_path / "home")}
    good = start(checkout, "test", "-q", "-k", "good", environment=environment, cwd=tmp_path)
    assert good.code == 0, good.talk
    assert re.match(r"1 passed, 1 deselected in ", good.out.splitlines()[-1])
    whole = start(checkout, "test", environment=environment, cwd=tmp_path)
    assert whole.code == 1
    assert "2 workers" in whole.out
    assert re.search(r"1 failed, 1 passed in ", whole.out.splitlines()[-1])
    assert (tmp_path / "home/test/.stamp").exists()
    assert not (tmp_path / "home/wizard").exists()
    assert json.dumps(good.out)
