"""`uninstall`: what this program made goes, and nothing that is somebody's own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wizard.errors import WizardError
from wizard.journal import Home, RunFolder
from wizard.run.control import run_marker
from wizard.session import Desk

RUN = "20250101-smollm2-135m-identity-ab12"
MARK = "0123456789abcdef"
MADE = (  # one of each kind that the program leaves in a home or a store
    "bin/uv",
    "cache/disk-speed.json",
    "cache/python/usr/x.pyc",
    "cache/libraries/vllm/a",
    "cache/uv/archive-v0/a",
    f"envs/trl-{MARK}/bin/python",
    f"lib/{MARK}/wizard/__init__.py",
    "locks/access.lock",
    "locks/bootstrap",
    "locks/gpu-0.lock",
    f"locks/environment-trl-{MARK}.lock",
    "logs/bootstrap.log",
    f"logs/trl-{MARK}.log",
    "measured/qwen3-8b-0123456789ab.json",
    "measured/.qwen3-8b-0123456789ab.json.a1b2c3d4",
    "models/.qwen3-8b.lock",
    "models/qwen3-8b/model-00001.safetensors.incomplete",
    "pasted/0123456789ab.jsonl",
    f"runs/{RUN}/environments/trl.txt",
    f"runs/{RUN}/front/nginx.conf",
    f"secrets/{RUN}.key",
    "secrets/access.json",
    "secrets/front.crt",
    "secrets/front.key",
    "secrets/huggingface.token",
    "simulated/0123.json",
    "wizard/.stamp",
)
OWN = (
    "thesis.txt",
    "bin/mine.sh",
    "cache/mine",
    "catalog/recipes/mine.toml",
    "logs/mine.log",
    "models/mine/weights",
    "runs/tb.log",
    "test/test_mine.py",
    "wandb/run",
)


def write(root: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name, encoding="utf-8")


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


@pytest.fixture
def settled(tmp_path: Path) -> Callable[..., Home]:
    return lambda **environment: Home.from_environment({"YCDY_HOME": str(tmp_path / "home"), **environment})


def test_a_home_with_nothing_else_in_it_goes_whole(home: Home) -> None:
    write(home.root, MADE)
    assert Desk(home).uninstall()[-2:] == (home.wizard, home.root)
    assert not home.root.exists()


def test_own_files_in_a_home_stay_whatever_they_are_called(home: Home) -> None:
    write(home.root, MADE + OWN)
    told = Desk(home).uninstall(dry_run=True)
    assert files(home.root) == set(MADE + OWN)
    assert Desk(home).uninstall() == told
    assert files(home.root) == set(OWN)
    assert home.envs in told  # a folder stands for all that is in it


def test_own_files_in_the_place_of_a_store_are_never_looked_at(tmp_path: Path, settled: Callable[..., Home]) -> None:
    place = tmp_path / "disk"
    write(place, ("models/mine/weights", "runs/tb.log", f"envs/trl-{MARK}/mine", "cache/uv/mine"))
    before = files(place)
    home = settled(YCDY_STORE=str(place))
    home.remember()
    write(home.store, (f"envs/trl-{MARK}/a", "cache/uv/a", f"runs/{RUN}/03-train/a"))
    gone = Desk(home).uninstall()
    assert gone[:4] == (home.cache, home.envs, home.store / "runs", home.store)
    assert (files(place), home.store.exists()) == (before, False)


def test_a_store_is_found_again_without_its_variable_and_every_earlier_one_too(
    tmp_path: Path, settled: Callable[..., Home]
) -> None:
    stores = []
    for name in ("a", "b", "b"):
        home = settled(YCDY_STORE=str(tmp_path / name))
        home.remember()
        write(home.store, ("cache/uv/x",))
        stores.append(home.store)
    assert settled() == home
    assert {*stores, home.root} <= set(Desk(settled()).uninstall())
    assert not home.root.exists()


def test_without_a_store_the_home_is_one_and_naming_the_home_goes_back_to_that(
    tmp_path: Path, settled: Callable[..., Home]
) -> None:
    assert settled().store == settled().root
    settled(YCDY_STORE=str(tmp_path / "a")).remember()
    back = settled(YCDY_STORE=str(tmp_path / "home"))
    assert back.store == back.root
    back.remember()
    assert settled() == back
    assert back.stores == (settled(YCDY_STORE=str(tmp_path / "a")).store,)


def test_a_link_goes_and_what_it_points_to_stays(home: Home, tmp_path: Path) -> None:
    write(home.root, ("locks/bootstrap",))
    write(tmp_path / "elsewhere", ("weights",))
    (home.root / "runs" / RUN).mkdir(parents=True)
    (home.root / "runs" / RUN / "03-train").symlink_to(tmp_path / "elsewhere")
    Desk(home).uninstall()
    assert not home.root.exists()
    assert files(tmp_path / "elsewhere") == {"weights"}


@pytest.fixture
def leftover(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """A stage of a run whose supervisor is gone."""
    folder = RunFolder(home.runs / RUN)
    folder.path.mkdir(parents=True)
    folder.plan.write_text("{}", encoding="utf-8")
    program = "import time; print(flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", program], env=run_marker(folder), stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def test_nothing_is_removed_under_a_stage_that_nobody_supervises(home: Home, leftover: subprocess.Popen[bytes]) -> None:
    with pytest.raises(WizardError) as caught:
        Desk(home).uninstall()
    assert (caught.value.problem.code, caught.value.problem.params["runs"]) == ("uninstall-while-running", RUN)
    assert home.run(RUN).plan.exists()
    assert Desk(home).going() == (RUN,)
    Desk(home).stop(RUN)
    assert leftover.wait(10)
    assert Desk(home).going() == ()
    Desk(home).uninstall()
    assert not home.root.exists()
