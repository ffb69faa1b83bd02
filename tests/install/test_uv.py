from __future__ import annotations

import base64
import hashlib
import http.server
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

DEAD = "http://127.0.0.1:9/simple"


@pytest.fixture
def cold(warm, path_of, wheels: Path) -> dict[str, str]:
    """A home without uv, on a machine with neither uv nor apt-get, whose index does not answer."""
    kept = {k: v for k, v in warm.items() if not k.startswith(("PIP_", "UV_D", "UV_F", "UV_I", "UV_N", "YCDY_UV"))}
    dead = {
        "UV_OFFLINE": "1",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": DEAD,
        "PIP_RETRIES": "0",
        "UV_HTTP_RETRIES": "0",
    }
    return {**kept, **dead, "PATH": path_of(), "YCDY_PYTHON": sys.executable, "UV_FIND_LINKS": str(wheels)}


def serve_wheel(folder: Path, wheel: Path, name: str = "") -> None:
    (folder / "uv").mkdir(parents=True)
    shutil.copy(wheel, folder / (name or wheel.name))
    link = f'<a href="../{name or wheel.name}#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}">uv</a>'
    (folder / "uv/index.html").write_text(f"<html>{link}<a href='uv-0.0.1-py3-none-any.whl'>old</a></html>")


class Index(http.server.SimpleHTTPRequestHandler):
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.asked.append(self.headers["Authorization"])
        if self.headers["Authorization"] is None:
            return self.send_error(401)
        return super().do_GET()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Callable[[], str]]:
    class Here(Index):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "index"))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Here) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield lambda: f"http://some%20one:pass@127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_new_enough_uv_on_the_path_is_used(checkout, cold, start, path_of, uv: str, tmp_path: Path) -> None:
    path = path_of(uv=f'--version) echo "uv 0.99.1 (new)" ;;\nvenv* | pip*) exec {uv} "$@" ;;')
    seen = start(checkout, environment={**cold, "PATH": path}).report["environment"]
    assert seen["YCDY_UV"] == f"{path}/uv"
    assert not (tmp_path / "home/bin/uv").exists()
    asked = (tmp_path / "path/uv.log").read_text().splitlines()
    assert asked[1].startswith("venv -q -p ")
    assert asked[2].startswith("pip sync -q --require-hashes -p ")
    assert len(asked) == 3


def test_an_old_uv_on_the_path_is_passed_over(checkout, cold, start, path_of, uv_wheel: Path, tmp_path: Path) -> None:
    path = path_of(uv='--version) echo "uv 0.4.30 (abc 2024-11-04)" ;;')
    environment = {**cold, "PATH": path, "UV_FIND_LINKS": f"{uv_wheel.parent},{cold['UV_FIND_LINKS']}"}
    seen = start(checkout, environment=environment).report["environment"]
    assert seen["YCDY_UV"] == str(tmp_path / "home/bin/uv")


def test_without_pip_uv_comes_from_an_index_in_a_folder(
    checkout, cold, start, bare_python: str, uv_wheel: Path, tmp_path: Path
) -> None:
    serve_wheel(tmp_path / "in dex", uv_wheel)
    index = {"PIP_INDEX_URL": (tmp_path / "in dex").as_uri(), "YCDY_PYTHON": bare_python}
    assert start(checkout, environment={**cold, **index}).code == 0
    assert (tmp_path / "home/bin/uv").stat().st_mode & 0o111
    assert list((tmp_path / "home/cache").glob("*.part")) == []


def test_without_pip_uv_comes_from_an_index_that_wants_a_login(
    checkout, cold, start, bare_python: str, uv_wheel: Path, tmp_path: Path, index
) -> None:
    serve_wheel(tmp_path / "index/simple", uv_wheel)
    environment = {**cold, "YCDY_MIRROR": index(), "YCDY_PYTHON": bare_python}
    assert start(checkout, environment=environment).code == 0
    assert base64.b64decode(str(Index.asked[-1]).removeprefix("Basic ")) == b"some one:pass"


def test_pip_is_asked_where_it_can_do_more(
    checkout, cold, start, pip_python: str, uv_wheel: Path, tmp_path: Path, index
) -> None:
    serve_wheel(tmp_path / "index/simple", uv_wheel)
    address = index().replace("some%20one:pass@", "")
    Path(cold["HOME"]).mkdir()
    (Path(cold["HOME"]) / ".netrc").write_text("machine 127.0.0.1 login one password two\n")
    environment = {**cold, "PIP_INDEX_URL": f"{address}/simple", "YCDY_PYTHON": pip_python}
    assert start(checkout, environment=environment).code == 0
    assert base64.b64decode(str(Index.asked[-1]).removeprefix("Basic ")) == b"one:two"


@pytest.mark.parametrize("damage", ["changed", "cut"])
def test_a_wheel_with_another_hash_is_refused(
    checkout, cold, start, bare_python: str, uv_wheel: Path, tmp_path: Path, damage: str
) -> None:
    content = uv_wheel.read_bytes()
    bad = tmp_path / "bad.whl"
    bad.write_bytes(content[:1_000_000] if damage == "cut" else content[:-1] + b"\0" + b"x")
    serve_wheel(tmp_path / "index", bad, uv_wheel.name)
    environment = {**cold, "PIP_INDEX_URL": (tmp_path / "index").as_uri(), "YCDY_PYTHON": bare_python}
    done = start(checkout, environment=environment)
    assert done.code == 1
    assert "SHA-256" in done.talk
    assert not (tmp_path / "home/bin/uv").exists()
    assert not (tmp_path / "home/wizard").exists()


@pytest.mark.parametrize("with_pip", [True, False])
def test_an_unreachable_index_is_one_problem_that_names_the_settings(
    checkout, cold, start, bare_python: str, tmp_path: Path, with_pip: bool
) -> None:
    environment = cold if with_pip else {**cold, "YCDY_PYTHON": bare_python}
    done = start(checkout, "probe", "--json", environment=environment)
    assert done.code == 1
    problem = json.loads(done.out)["problem"]
    assert DEAD in problem["next"]
    assert "--mirror" in problem["next"]
    assert str(tmp_path / "home/logs/bootstrap.log") in problem["why"]
    assert done.talk.count("why ") == 1


def test_as_root_the_last_resort_is_apt_get(
    checkout, cold, start, path_of, bare_python: str, uv_wheel: Path, tmp_path: Path
) -> None:
    install = f"install*) cp {uv_wheel} {tmp_path}/home/cache/uv.part/ ;;"
    path = path_of(apt_get=f"update*) ;;\n{install}", id="-u) echo 0 ;;")
    done = start(checkout, environment={**cold, "PATH": path, "YCDY_PYTHON": bare_python})
    assert done.code == 0, done.talk
    assert (tmp_path / "path/apt-get.log").read_text() == "update -qq\ninstall -y -qq python3-pip\n"


def test_apt_get_is_left_alone_by_everybody_else(
    checkout, cold, start, path_of, bare_python: str, tmp_path: Path
) -> None:
    path = path_of(apt_get="zzz) ;;", id="-u) echo 1000 ;;")
    assert start(checkout, environment={**cold, "PATH": path, "YCDY_PYTHON": bare_python}).code == 1
    assert not (tmp_path / "path/apt-get.log").exists()


def test_an_unreachable_index_while_syncing_leaves_nothing_half_made(checkout, warm, start, tmp_path: Path) -> None:
    dead = {"UV_DEFAULT_INDEX": DEAD, "UV_CACHE_DIR": str(tmp_path / "cold"), "UV_HTTP_RETRIES": "0", "UV_INDEX": DEAD}
    done = start(checkout, environment={**warm, **dead, "UV_FIND_LINKS": str(tmp_path)})
    assert done.code == 1
    assert done.talk.count("why ") == 1
    assert not (tmp_path / "home/wizard/.stamp").exists()
    assert start(checkout, environment=warm).code == 0
