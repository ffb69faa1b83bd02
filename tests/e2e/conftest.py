import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "yichuidingyin.sh"
KEPT = (
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "PIP_",
    "UV_",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "LD_LIBRARY_PATH",
)

Run = Callable[..., subprocess.CompletedProcess[str]]


def newcomer(home: Path) -> dict[str, str]:
    """The environment of somebody who just logged in: an empty HOME, the machine's own package settings, English."""
    kept = {key: value for key, value in os.environ.items() if key.startswith(KEPT)}
    (home / "user").mkdir(exist_ok=True)
    return kept | {
        "HOME": str(home / "user"),
        "YCDY_HOME": str(home / "ycdy"),
        "YCDY_LANG": "en",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the whole session, so that engines are installed once. YCDY_TEST_HOME keeps it between sessions."""
    given = os.environ.get("YCDY_TEST_HOME")
    place = Path(given) if given else tmp_path_factory.mktemp("e2e")
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture(scope="session")
def ycdy(home: Path) -> Iterator[Run]:
    def run(*arguments: str, timeout: float = 900, **more: Any) -> subprocess.CompletedProcess[str]:
        environment = newcomer(home) | {key: str(value) for key, value in more.pop("env", {}).items()}
        more.setdefault("stdin", None if "input" in more else subprocess.DEVNULL)
        if "input" in more:
            more.pop("stdin")
        return subprocess.run(
            ["bash", str(SCRIPT), *arguments], env=environment, text=True, capture_output=True, timeout=timeout, **more
        )

    yield run
    run("stop", "--all")


def answer(done: subprocess.CompletedProcess[str]) -> Any:
    """The one JSON value on stdout; what went wrong, should there be none."""
    assert done.stdout.strip(), done.stderr[-4000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def demo(ycdy: Run) -> dict[str, Any]:
    """The demo, run once for all tests that look at what it left behind; its server stays up."""
    done = ycdy("demo", "--json", "--keep", "--name", "Zephyrine", "--author", "the Anvil team")
    result: dict[str, Any] = answer(done)
    assert done.returncode == 0, result
    return result


@pytest.fixture(scope="session")
def run_folder(home: Path, demo: dict[str, Any]) -> Path:
    return home / "ycdy" / "runs" / str(demo["run"])


@pytest.fixture
def fresh(tmp_path: Path, home: Path, ycdy: Run) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The same program in a home of its own, its wizard environment hard-linked from the shared one's cache."""

    def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        environment = {"YCDY_HOME": str(tmp_path / "ycdy"), "UV_CACHE_DIR": str(home / "ycdy" / "cache" / "uv")}
        return ycdy(*arguments, env=environment | more.pop("env", {}), **more)

    return run


def needs(*commands: str) -> pytest.MarkDecorator:
    missing = [command for command in commands if not shutil.which(command)]
    return pytest.mark.skipif(bool(missing), reason=f"not on this machine: {', '.join(missing)}")
