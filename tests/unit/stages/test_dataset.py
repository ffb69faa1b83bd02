"""A hub's data set: the real SDKs in the real environment against a stand-in, and from the desk the whole way."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hub import Hub
from tests.fakes.hub_datasets import running_datasets
from tests.unit.stages.programs import environment
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.session import Desk, jobs, sources

KINDS = ("modelscope", "huggingface")
CARD = b"""---
configs:
- config_name: zh
  data_files:
  - split: train
    path: zh/*.jsonl
  - split: test
    path: held.jsonl
- config_name: en
  data_files: en.jsonl
---
"""


def rows(*names: str) -> bytes:
    return "".join(json.dumps({"question": name, "answer": "a"}) + "\n" for name in names).encode()


FILES = {
    "README.md": CARD,
    "zh/a.jsonl": rows("one", "two"),
    "zh/b.jsonl": rows("three"),
    "held.jsonl": rows("held"),
    "en.jsonl": rows("english"),
    "load.py": b"raise SystemExit",
    "weights.pkl": b"\x80\x04.",
}


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running_datasets(Hub(dict(FILES))) as made:
        yield made


@pytest.fixture(autouse=True)
def friendly(hub: Hub) -> None:
    hub.files = dict(FILES)
    hub.status.clear()
    hub.asked.clear()
    hub.wrong_bytes = ""


@pytest.fixture
def desk(hub: Hub, hub_python: Path, lib: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """One whose jobs run in the environment under test."""
    addresses = {"MODELSCOPE_ENDPOINT": hub.url, "HF_ENDPOINT": hub.url, "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false"}
    variables = environment(lib, HOME=str(tmp_path), HF_HUB_DISABLE_XET="1", **addresses)

    def job(_: Desk, engine: str, stage: str, asked: list[Any], progress: Any) -> Iterator[Mapping[str, Any]]:
        command = [str(hub_python), "-m", f"wizard.stages.{stage}"]
        told = "".join(json.dumps(order) + "\n" for order in asked)
        done = subprocess.run(
            command, input=told, capture_output=True, text=True, env=variables, cwd=tmp_path, check=True
        )
        return map(json.loads, done.stdout.splitlines())

    monkeypatch.setattr(jobs, "job", job)
    root = tmp_path / "home"
    root.mkdir()
    return Desk(Home(root, root))


def code(desk: Desk, source: str) -> str:
    with pytest.raises(WizardError) as caught:
        desk.inspect(source)
    return caught.value.problem.code


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_a_subset_come_and_nothing_that_runs(desk: Desk, hub: Hub, kind: str) -> None:
    prefix = {"modelscope": "ms", "huggingface": "hf"}[kind]
    report = desk.inspect(f"{prefix}::org/tiny:zh")
    assert [sample["messages"][0]["content"] for sample in report.samples] == ["one", "two", "three"]
    here = [path.relative_to(desk.home.datasets) for path in desk.home.datasets.rglob("*.*") if path.is_file()]
    seen = {"/".join(path.parts[2:]) for path in here if not any(part.startswith(".") for part in path.parts)}
    assert seen == {"README.md", "zh/a.jsonl", "zh/b.jsonl"}
    assert not [line for line in hub.asked if line.startswith("GET") and ("load.py" in line or ".pkl" in line)]


def test_a_split_and_several_subsets_are_taken_as_they_are_named(desk: Desk) -> None:
    assert desk.inspect("hf::org/tiny:zh@test").rows == 1
    assert desk.inspect("hf::org/tiny:zh/en").rows == 4


def test_what_is_not_named_or_not_there_is_listed(desk: Desk) -> None:
    assert code(desk, "hf::org/tiny") == "data-subset-needed"
    assert code(desk, "hf::org/tiny:fr") == "data-subset-unknown"
    assert code(desk, "hf::org/tiny:zh@dev") == "data-split-unknown"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "wanted"), [(401, "hub-refused"), (404, "hub-has-no-dataset")])
def test_a_refusal_is_a_problem(desk: Desk, hub: Hub, kind: str, status: int, wanted: str) -> None:
    hub.status[kind] = status
    assert code(desk, {"modelscope": "ms", "huggingface": "hf"}[kind] + "::org/tiny:zh") == wanted


def test_bytes_that_are_not_the_hubs_are_not_kept(desk: Desk, hub: Hub) -> None:
    hub.wrong_bytes = "zh/b.jsonl"
    assert code(desk, "hf::org/tiny:zh") == "data-part-damaged"
    hub.wrong_bytes = ""
    assert desk.inspect("hf::org/tiny:zh").rows == 3


def test_a_choice_is_pinned_and_replayed_without_a_hub(desk: Desk, hub: Hub) -> None:
    choice = desk.data_choice("hf::org/tiny:zh#2")
    source = choice.sources[0]
    assert (source.ref, source.subset, source.samples) == ("hf::org/tiny", "zh", 2)
    assert source.revision
    hub.status["huggingface"] = 500
    told = replace(choice, sources=(replace(source, path=""),))
    assert sources.here(desk, told).sources[0].path == source.path


def test_what_is_here_is_not_fetched_again(desk: Desk, hub: Hub) -> None:
    desk.inspect("hf::org/tiny:zh")
    hub.asked.clear()
    desk.inspect("hf::org/tiny:zh")
    assert not [line for line in hub.asked if line.startswith("GET") and "/resolve/" in line]
