"""A stand-in wizard that reports how it was started, a PATH of chosen programs, one environment made for real."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "yichuidingyin.sh"
TOOLS = (
    *("bash", "cat", "cp", "cut", "env", "false", "flock", "getent", "grep", "head", "id", "install", "ln", "mkdir"),
    *("mv", "readlink", "realpath", "rm", "sed", "sha256sum", "sleep", "sort", "tail", "tr"),
)
REPORT = """
import json, os, sys
import wizard
print(json.dumps({"argv": sys.argv[1:], "environment": dict(os.environ), "cwd": os.getcwd(), "file": wizard.__file__,
    "python": list(sys.version_info[:2]), "stdin_is_a_terminal": sys.stdin.isatty(),
    "argparse": __import__("argparse").__file__}))
"""
OWN = re.compile(r"YCDY_|UV_|PIP_|PYTHON|VIRTUAL_ENV|CONDA_|HF_ENDPOINT|NO_COLOR")


def lock_of(names: str, lock: Path) -> str:
    """The entries of some packages, with their hashes."""
    entries = re.findall(r"(?m)^[a-z0-9].*(?:\n    .*)*", lock.read_text(encoding="utf-8"))
    return "\n".join(entry for entry in entries if re.match(rf"({names})==", entry)) + "\n"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    talk: str

    @property
    def report(self) -> dict[str, Any]:
        assert self.code == 0, self.talk
        return dict(json.loads(self.out.splitlines()[-1]))


Start = Callable[..., Ended]


@pytest.fixture(scope="session")
def machine() -> Mapping[str, str]:
    """What installing for real needs on this machine, and nothing of a session around it."""
    kept = {k: v for k, v in os.environ.items() if not re.match(r"YCDY_|PYTHON|VIRTUAL_ENV", k)}
    return kept | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="session")
def plain() -> Mapping[str, str]:
    """A machine on which nothing at all is configured."""
    kept = {k: v for k, v in os.environ.items() if not OWN.match(k) and not re.search(r"(?i)_proxy$|CERT|BUNDLE", k)}
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture
def start() -> Start:
    def start(
        script: Path, *arguments: str, environment: Mapping[str, str], cwd: Path | None = None, text: str | None = None
    ) -> Ended:
        argv = ["bash", str(script), *arguments] if text is None else ["bash", "-s", "--", *arguments]
        talk = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(
            argv, env=dict(environment), cwd=cwd, capture_output=True, encoding="utf-8", timeout=300, **talk
        )
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stderr
        return Ended(done.returncode, done.stdout, done.stderr)

    return start


@pytest.fixture(scope="session")
def make_checkout() -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        package = folder / "wizard"
        package.mkdir(parents=True)
        shutil.copy(SCRIPT, folder)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text(REPORT)
        lock = lock_of("mdurl", ROOT / "wizard" / "requirements.txt")
        (package / "requirements.txt").write_text(lock)
        return folder / SCRIPT.name

    return make


@pytest.fixture
def checkout(tmp_path: Path, make_checkout: Callable[[Path], Path]) -> Path:
    return make_checkout(tmp_path / "checkout")


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory, make_checkout: Callable[[Path], Path], machine: Mapping[str, str]
) -> tuple[Path, Path]:
    """A checkout and a home in which it was started once, for real."""
    folder = tmp_path_factory.mktemp("made")
    script, home = make_checkout(folder / "checkout"), folder / "home"
    environment = {**machine, "YCDY_HOME": str(home)}
    subprocess.run(["bash", str(script)], env=environment, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return script, home


@pytest.fixture(scope="session")
def uv(made: tuple[Path, Path]) -> str:
    return (made[1] / "wizard" / ".stamp").read_text().splitlines()[1]


@pytest.fixture
def warm(machine: Mapping[str, str], made: tuple[Path, Path], uv: str, tmp_path: Path) -> dict[str, str]:
    """An environment for a home of its own, with uv at hand and its cache filled."""
    return {
        **machine,
        "HOME": str(tmp_path / "user"),
        "YCDY_HOME": str(tmp_path / "home"),
        "YCDY_UV": uv,
        "UV_CACHE_DIR": str(made[1] / "cache" / "uv"),
    }


@pytest.fixture
def path_of(tmp_path: Path) -> Callable[..., str]:
    """A PATH of the few system programs that the script uses and of fakes, which refuse what they do not expect."""

    def path_of(**fakes: str) -> str:
        folder = tmp_path / "path"
        folder.mkdir(exist_ok=True)
        for tool in TOOLS:
            real = shutil.which(tool)
            if real and not (folder / tool).exists():
                (folder / tool).symlink_to(real)
        for name, cases in fakes.items():
            file = folder / name.replace("_", "-").replace("python3-", "python3.")
            file.unlink(missing_ok=True)
            text = f'echo "$@" >>{folder}/{file.name}.log\ncase "$*" in\n{cases}\n'
            file.write_text(f'#!/bin/bash\n{text}*) echo "unexpected: {file.name} $*" >&2; exit 99 ;;\nesac\n')
            file.chmod(0o755)
        return str(folder)

    return path_of


@pytest.fixture
def stand_in_wheel(tmp_path: Path) -> Path:
    """A wheel of the stand-in, laid out like the real one."""
    wheel, info = tmp_path / "a wheel" / "yichuidingyin-9.9-py3-none-any.whl", "yichuidingyin-9.9.dist-info"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("wizard/__init__.py", "")
        archive.writestr("wizard/__main__.py", REPORT)
        archive.writestr("wizard/requirements.txt", lock_of("mdurl", ROOT / "wizard" / "requirements.txt"))
        archive.write(SCRIPT, "wizard/_data/yichuidingyin.sh")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: yichuidingyin\nVersion: 9.9\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture(scope="session")
def bare_python(uv: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python without pip and ensurepip."""
    folder = tmp_path_factory.mktemp("bare") / "env"
    subprocess.run([uv, "venv", "-q", "-p", sys.executable, str(folder)], check=True)
    return str(folder / "bin" / "python")


@pytest.fixture(scope="session")
def uv_wheel(machine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the script pins: packed anew it would have another hash."""
    version = re.search(r"UV_VERSION=(\S+)", SCRIPT.read_text(encoding="utf-8"))
    assert version
    return download(f"uv=={version[1]}", tmp_path_factory.mktemp("uv"), machine)


@pytest.fixture(scope="session")
def wheels(machine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the stand-in's lock names."""
    lock = lock_of("mdurl", ROOT / "wizard" / "requirements.txt")
    return download(lock.split()[0], tmp_path_factory.mktemp("wheels"), machine).parent


def download(requirement: str, folder: Path, environment: Mapping[str, str]) -> Path:
    argv = [python_with_pip(), "-m", "pip", "-q", "download", "--no-deps", "--only-binary", ":all:", "-d", str(folder)]
    subprocess.run([*argv, requirement], env=dict(environment), check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def python_with_pip() -> str:
    for python in ("/usr/bin/python3", sys.executable, "python3"):
        if subprocess.run([shutil.which(python) or "false", "-c", "import pip"], capture_output=True).returncode == 0:
            return python
    pytest.skip("no pip here to download a wheel with")


@pytest.fixture(scope="session")
def pip_python() -> str:
    return python_with_pip()
