"""`estimate` as it is typed, where it needs an engine's environment: a model that only a hub knows, and --simulate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hub import Hub, running
from wizard import cli, words
from wizard import plan as planning
from wizard.catalog import builtin, load
from wizard.contract import Cpu, Disk, Machine, lock_of
from wizard.journal import Home
from wizard.run import environments

CONFIG = {
    "model_type": "llama", "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8,
    "num_key_value_heads": 2, "intermediate_size": 1536, "vocab_size": 8192, "max_position_embeddings": 4096,
}  # fmt: skip
STRANGE = {**CONFIG, "model_type": "bitnet"}  # whose layers the formula does not know
HERE = Machine(
    gpus=(),
    cpu=Cpu(name="a CPU", cores=2, arch="x86_64", flags=("avx2",)),
    ram_bytes=2**34,
    ram_free_bytes=2**34,
    disks=(Disk(path="/", free_bytes=10**12, total_bytes=10**12, kind="local"),),
    pythons={"3.11": "/usr/bin/python3.11"},
)
Type = Callable[..., tuple[int, Any]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("YCDY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("wizard.detect.detect", lambda *_, **__: HERE)
    return Home(tmp_path / "home", tmp_path / "home")


@pytest.fixture
def typed(home: Home, capsys: pytest.CaptureFixture[str]) -> Iterator[Type]:
    """The exit code, and the one JSON value on stdout."""
    before = words.language()

    def run(*arguments: str) -> tuple[int, Any]:
        code = cli.main(["estimate", "--json", *arguments])
        return code, json.loads(capsys.readouterr().out)

    yield run
    words.use(before)


def ready(home: Home, engine: str, python: Path) -> None:
    """An environment that another test built, in the place where this home would build its own."""
    known = load([builtin()]).engines[engine]
    text = (builtin() / "engines" / "locks" / lock_of(known, "cpu", "3.11")).read_text(encoding="utf-8")
    place = environments.folder_of(home, planning.environment(known, "cpu", "3.11", text))
    place.mkdir(parents=True)
    for part in ("bin", "lib", "pyvenv.cfg"):
        (place / part).symlink_to(python.parent.parent / part)
    (place / ".ready").write_text('{"packages": []}', encoding="utf-8")


def model(folder: Path, config: dict[str, Any]) -> str:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


def test_a_model_that_only_a_hub_knows_is_as_good(
    typed: Type, home: Home, hub_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(home, "hub", hub_python)
    with running(Hub({"config.json": json.dumps(CONFIG).encode()})) as hub:
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")  # is down
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        code, found = typed("--model", "org/tiny", "--method", "qlora-nf4")
    assert (code, found["model"], found["basis"]) == (0, "org/tiny", "estimated")
    assert found["terms"] == typed("--model", model(tmp_path / "tiny", CONFIG), "--method", "qlora-nf4")[1]["terms"]


def test_a_simulation_is_told_kept_and_from_then_on_preferred(
    typed: Type, home: Home, simulation_python: Path, tmp_path: Path
) -> None:
    ready(home, "simulation", simulation_python)
    folder = model(tmp_path / "tiny", CONFIG)
    _, law = typed("--model", folder)
    code, found = typed("--model", folder, "--simulate")
    assert (code, found["basis"]) == (0, "simulated")
    assert found["peak_bytes"] == found["simulated"]["peak_bytes"] == pytest.approx(law["peak_bytes"], rel=0.03)
    (kept,) = home.simulated.glob("*.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["peak_bytes"] == found["peak_bytes"]
    code, again = typed("--model", folder)
    assert (again["basis"], again["terms"]) == ("simulated", found["terms"])
    assert "simulated" not in again


def test_a_model_the_formula_cannot_read_is_simulated(
    typed: Type, home: Home, simulation_python: Path, tmp_path: Path
) -> None:
    ready(home, "simulation", simulation_python)
    folder = model(tmp_path / "strange", STRANGE)
    code, refused = typed("--model", folder)
    assert (code, refused["problem"]["code"]) == (2, "config-unread-kind")
    assert "--simulate" in refused["problem"]["next"]
    code, found = typed("--model", folder, "--simulate")
    assert (code, found["basis"]) == (0, "simulated")
    assert sum(term["bytes"] for term in found["terms"]) == found["card_bytes"]
    assert typed("--model", folder)[1]["terms"] == found["terms"]


def test_what_cannot_be_simulated_is_told_and_nothing_is_kept(
    typed: Type, home: Home, simulation_python: Path, tmp_path: Path
) -> None:
    ready(home, "simulation", simulation_python)
    folder = model(tmp_path / "tiny", CONFIG)
    code, found = typed("--model", folder, "--simulate", "--task", "dpo")
    assert (code, found["problem"]["code"]) == (1, "simulation-cannot")
    assert all(found["problem"][part] for part in ("what", "why", "next"))
    assert not home.simulated.exists()


def test_a_job_that_ends_without_an_answer_is_told_with_its_log(typed: Type, home: Home, tmp_path: Path) -> None:
    python = tmp_path / "broken" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (tmp_path / "broken" / "lib").mkdir()
    (tmp_path / "broken" / "pyvenv.cfg").touch()
    python.write_text("#!/bin/sh\necho 'torch is broken' >&2\nexit 3\n", encoding="utf-8")
    python.chmod(0o755)
    ready(home, "simulation", python)
    code, found = typed("--model", model(tmp_path / "tiny", CONFIG), "--simulate")
    assert (code, found["problem"]["code"]) == (1, "job-ended")
    assert "torch is broken" in found["problem"]["why"]
    assert "torch is broken" in Path(found["problem"]["params"]["log"]).read_text(encoding="utf-8")
