from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from wizard.contract import Engine, Environment
from wizard.errors import WizardError
from wizard.journal import Home, read_json
from wizard.run import environments
from wizard.run.uv import Cancelled

from .conftest import ROOT, until

UV = os.environ.get("YCDY_UV") or shutil.which("uv") or ""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

pytestmark = pytest.mark.skipif(not shutil.which(UV), reason="uv is not here")


def wheel(folder: Path, name: str, modules: dict[str, str], version: str = "1.0") -> str:
    """A wheel made by hand, and the line that requires it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {f"{name}/{module}.py": text for module, text in modules.items()} | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]))
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_", "YCDY_"))]:
        monkeypatch.delenv(name)
    root = tmp_path / "home 一"
    root.mkdir()
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    return Home(root, root)


@pytest.fixture
def environment() -> Environment:
    return Environment(id="toy-cpu", engine="toy", accelerator="cpu", python=PYTHON, digest="abc", warm=("tiny",))


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    return wheel(tmp_path / "wheels", "tiny", {"__init__": "from tiny import part", "part": "VALUE = 1"})


def engine(**variables: str) -> Engine:
    return Engine(id="toy", title="toy", kinds=("train",), python=(PYTHON,), locks={}, environment=variables)


def test_an_environment_is_built_warmed_and_stamped(
    home: Home, environment: Environment, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    steps: list[tuple[str, int, int]] = []
    path = environments.ensure(
        home, environment, tiny, engine(), UV, lambda *step: steps.append(step), niced=lambda: True
    )
    assert path == home.envs / "toy-abc"
    assert read_json(path / ".ready")["packages"] == ["tiny==1.0"]
    assert list(path.glob("lib/*/site-packages/tiny/__pycache__/part.*.pyc"))
    assert list(dict.fromkeys(phase for phase, _, _ in steps)) == ["create", "install", "warm"]
    assert steps[-1] == ("warm", 1, 1)
    assert ("install", 1, 1) in steps


def test_one_that_a_stage_waits_for_is_not_imported_twice(home: Home, environment: Environment, tiny: str) -> None:
    path = environments.ensure(home, environment, tiny, engine(), UV, lambda *_: None)
    assert not list(path.glob("lib/*/site-packages/tiny/__pycache__/part.*.pyc"))


def test_torch_s_own_index_is_asked_when_the_machine_s_settings_lack_the_build(
    home: Home, environment: Environment, tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = wheel(tmp_path / "elsewhere", "torch", {"__init__": ""}, "9.9+cpu")
    monkeypatch.setenv("YCDY_TORCH_INDEX", str(tmp_path / "elsewhere"))
    path = environments.ensure(home, environment, tiny + elsewhere, engine(), UV, lambda *_: None)
    assert "torch==9.9+cpu" in read_json(path / ".ready")["packages"]


def test_packages_are_kept_beside_the_environments_unless_a_person_says_where(
    home: Home, environment: Environment, tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that they can be hard-linked; what the bootstrap keeps in the home is for the wizard alone."""
    store = Home(home.root, tmp_path / "disk" / "yichuidingyin")
    monkeypatch.setenv("UV_CACHE_DIR", str(home.root / "cache" / "uv"))
    environments.ensure(store, environment, tiny, engine(), UV, lambda *_: None)
    assert (store.uv_cache / "archive-v0").is_dir()
    assert not (home.root / "cache").exists()
    assert Home.from_environment({"YCDY_HOME": str(home.root)}) == store
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "own"))
    environments.ensure(home, environment, tiny, engine(), UV, lambda *_: None)
    assert (tmp_path / "own" / "archive-v0").is_dir()


def test_a_ready_one_is_taken_as_it_is(home: Home, environment: Environment, tiny: str) -> None:
    path = environments.ensure(home, environment, tiny, engine(), UV, lambda *_: None)
    before = (path / ".ready").stat().st_mtime_ns
    environments.ensure(home, environment, tiny, None, "/no/uv", lambda *_: pytest.fail("nothing is to be done"))
    assert (path / ".ready").stat().st_mtime_ns == before


def test_one_left_half_made_is_made_anew(home: Home, environment: Environment, tiny: str) -> None:
    path = environments.ensure(home, environment, tiny, engine(), UV, lambda *_: None)
    (path / ".ready").unlink()
    (path / "rubbish").touch()
    next(path.glob("lib/*/site-packages/tiny/part.py")).unlink()
    environments.ensure(home, environment, tiny, engine(), UV, lambda *_: None)
    assert not (path / "rubbish").exists()
    assert list(path.glob("lib/*/site-packages/tiny/part.py"))


def test_killed_in_mid_build_it_is_built_by_the_next(
    home: Home, environment: Environment, tmp_path: Path, tiny: str
) -> None:
    slow = wheel(
        tmp_path / "wheels", "slow", {"__init__": "import os, time\nif os.environ.get('SLOW'): time.sleep(600)"}
    )
    (tmp_path / "requirements.txt").write_text(tiny + slow)
    program = f"""
import sys
from pathlib import Path
from wizard.contract import Engine, Environment
from wizard.journal import Home
from wizard.run import environments
root = Path({str(home.root)!r})
python = {PYTHON!r}
environment = Environment(id="toy-cpu", engine="toy", accelerator="cpu", python=python, digest="abc", warm=("slow",))
text = Path({str(tmp_path / "requirements.txt")!r}).read_text()
environments.ensure(Home(root, root), environment, text, None, {UV!r}, lambda *step: None, niced=lambda: True)
"""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "SLOW": "1"}
    process = subprocess.Popen([sys.executable, "-c", program], env=variables)
    path = home.envs / "toy-abc"
    until(lambda: (path / ".warm").exists() or list(path.glob("lib/*/site-packages/slow-1.0.dist-info")))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not environments.is_ready(path)
    environments.ensure(home, environment, tiny + slow, engine(), UV, lambda *_: None)
    assert read_json(path / ".ready")["packages"] == ["slow==1.0", "tiny==1.0"]


def test_two_who_want_it_at_once_build_it_once(home: Home, environment: Environment, tiny: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    created: list[str] = []

    def progress(phase: str, done: int, total: int) -> None:
        if phase == "create":
            created.append(phase)

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(environments.ensure, home, environment, tiny, engine(), UV, progress) for _ in range(2)]
        assert len({job.result() for job in jobs}) == 1
    assert created == ["create"]


@pytest.mark.parametrize(
    ("requirement", "index", "code"),
    [
        ("tiny==1.0 --hash=sha256:" + "0" * 64, "", "environment-hash-mismatch"),
        ("tiny==2.0 --hash=sha256:" + "0" * 64, "", "environment-no-solution"),
        ("other==1.0 --hash=sha256:" + "0" * 64, "", "environment-no-solution"),
        (
            "other==1.0 --hash=sha256:" + "0" * 64,
            "http://me:s3cret@127.0.0.1:9/simple",
            "environment-index-unreachable",
        ),
    ],
)
def test_each_way_to_fail_has_its_problem(
    home: Home,
    environment: Environment,
    tiny: str,
    monkeypatch: pytest.MonkeyPatch,
    requirement: str,
    index: str,
    code: str,
) -> None:
    if index:
        monkeypatch.delenv("UV_NO_INDEX")
        monkeypatch.setenv("UV_DEFAULT_INDEX", index)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(WizardError) as caught:
        environments.ensure(home, environment, requirement, engine(), UV, lambda *_: None)
    problem = caught.value.problem
    assert problem.code == code, problem.params["output"]
    assert "s3cret" not in str(problem) + Path(problem.params["log"]).read_text()
    assert problem.params["environment"] == "toy-cpu"
    assert not (home.envs / "toy-abc").exists()


def test_a_python_that_is_not_here_is_named(home: Home, tiny: str) -> None:
    environment = Environment(id="old-cpu", engine="old", accelerator="cpu", python="3.99", digest="x")
    with pytest.raises(WizardError) as caught:
        environments.ensure(home, environment, tiny, engine(), UV, lambda *_: None)
    assert (caught.value.problem.code, caught.value.problem.params["python"]) == ("environment-python-missing", "3.99")


def test_without_uv_it_says_where_it_looked(home: Home, environment: Environment, tiny: str) -> None:
    with pytest.raises(WizardError) as caught:
        environments.ensure(home, environment, tiny, engine(), str(home.bin / "uv"), lambda *_: None)
    assert (caught.value.problem.code, caught.value.problem.params["tried"]) == ("uv-missing", str(home.bin / "uv"))


def test_a_module_that_cannot_be_imported_does_not_fail_the_build(home: Home, tmp_path: Path, tiny: str) -> None:
    environment = Environment(
        id="toy-cpu", engine="toy", accelerator="cpu", python=PYTHON, digest="abc", warm=("nothing", "tiny")
    )
    path = environments.ensure(home, environment, tiny, engine(), UV, lambda *_: None, niced=lambda: True)
    assert "No module named 'nothing'" in (path / "warm.log").read_text()


def test_a_build_is_given_up_when_the_run_is_stopped(home: Home, environment: Environment, tiny: str) -> None:
    seen: list[str] = []
    with pytest.raises(Cancelled):
        environments.ensure(
            home,
            environment,
            tiny,
            engine(),
            UV,
            lambda phase, *_: seen.append(phase),
            cancelled=lambda: "install" in seen,
        )
    assert not (home.envs / "toy-abc").exists()


@pytest.mark.parametrize("full", ["envs", "cache"])
def test_of_two_disks_the_full_one_is_blamed(
    home: Home, environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    failing = tmp_path / "uv"
    failing.write_text("#!/bin/sh\necho 'No space left on device (os error 28)'\nexit 2\n", encoding="utf-8")
    failing.chmod(0o755)
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    monkeypatch.setattr(environments, "free_bytes", lambda path: int(path.name != full))
    with pytest.raises(WizardError) as caught:
        environments.ensure(home, environment, "", engine(), str(failing), lambda *_: None)
    assert caught.value.problem.params["folder"] == str({"envs": home.envs, "cache": cache}[full])


def test_a_build_that_a_killed_supervisor_left_is_ended(home: Home) -> None:
    path = home.envs / "toy-abc"
    path.mkdir(parents=True)
    left = subprocess.Popen(["sleep", "600"], env={**os.environ, "YCDY_STAGE": f"environment/{path}"})
    environments.give_up(home)
    assert left.wait(10) == -signal.SIGTERM


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_told_and_nothing_half_made_stays(tmp_path: Path, home: Home, environment: Environment) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no mounts here")
    try:
        big = wheel(tmp_path / "wheels", "big", {"__init__": "x = '" + "a" * (4 << 20) + "'"})
        small = Home(home.root, disk)
        with pytest.raises(WizardError) as caught:
            environments.ensure(small, environment, big, engine(), UV, lambda *_: None)
        assert caught.value.problem.code == "environment-disk-full"
        assert not (small.envs / "toy-abc").exists()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
