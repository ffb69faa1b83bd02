"""Models at the desk without a hub: folders, what is in the store, and tokens."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.catalog.published import published
from tests.unit.session.test_desk import identity_plan
from tests.unit.session.test_estimating import CONFIG
from wizard.contract import Problem
from wizard.errors import WizardError
from wizard.fit import architecture_in, held_in
from wizard.journal import Home, RunFolder, write_json, write_plan
from wizard.run import hub_tokens
from wizard.run.control import run_marker
from wizard.session import Desk
from wizard.session.models import held_of
from wizard.session.models.adopting import draft

GATED = Problem(code="hub-refused", params={"hub": "huggingface", "model": "llama-3.1-8b", "status": 401})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "My Model"
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return path


def shelve(home: Home, id: str, *, ours: bool = True, whole: bool = True) -> Path:
    path = home.models / id
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"w" * 1000)
    if whole:
        write_json(path / "fetched.json", {"kind": "modelscope", "ref": f"org/{id}", "revision": "abc"})
    if ours:
        (home.models / f".{id}.lock").touch()
    return path


def refusal(work: object, *given: object) -> Problem:
    with pytest.raises(WizardError) as caught:
        work(*given)  # type: ignore[operator]
    return caught.value.problem


def test_a_folder_that_is_called_like_a_family_leaves_that_family_where_it_is(desk: Desk, folder: Path) -> None:
    named = folder.rename(folder.with_name("smollm2"))
    added = desk.models.add(str(named))
    assert added.model.id == f"{folder.parent.name}-smollm2".casefold()
    assert "smollm2-135m" in Desk(desk.home).catalog().models


def test_a_folder_becomes_a_model_of_one_s_own(desk: Desk, folder: Path) -> None:
    added = desk.models.add(str(folder))
    assert (added.model.id, added.new, added.model.yours) == ("my-model", True, True)
    assert added.model.architecture == architecture_in(CONFIG)
    again = Desk(desk.home)
    assert again.catalog().problems == ()
    assert again.catalog().models["my-model"] == added.model
    assert again.models.add(str(folder)).new is False
    assert again.models.folder(added.model) == folder


def test_another_model_of_the_same_name_is_refused_and_both_stay(desk: Desk, folder: Path, tmp_path: Path) -> None:
    kept = desk.models.add(str(folder)).path
    assert kept
    before = kept.read_bytes()
    other = tmp_path / "elsewhere" / "My Model"
    other.mkdir(parents=True)
    (other / "config.json").write_text(json.dumps({**CONFIG, "num_hidden_layers": 2}))
    assert refusal(Desk(desk.home).models.add, str(other)).code == "model-id-taken"
    assert kept.read_bytes() == before


def test_a_file_of_somebody_s_own_is_never_written_over(desk: Desk, folder: Path) -> None:
    own = desk.home.catalog / "models" / "my-model.toml"
    own.parent.mkdir(parents=True)
    own.write_text("# mine\n")
    assert refusal(desk.models.add, str(folder)).code == "model-id-taken"
    assert own.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model_type": "bert", "is_encoder_decoder": True}, "config-not-a-decoder"),
        ({"hidden_size": None}, "config-lacks-numbers"),
        ({"model_type": "bitnet"}, "config-unread-kind"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 8}}, "model-quantised-already"),
        ({"quantization_config": {"quant_method": "auto-round", "bits": 4}}, "model-quantised-already"),
        ({"quantization_config": {"quant_method": "fp8"}}, "model-quantised-already"),
    ],
)
def test_what_the_law_cannot_read_is_told_as_there(
    desk: Desk, folder: Path, changes: dict[str, object], code: str
) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    assert refusal(desk.models.add, str(folder)).code == code
    assert not desk.home.catalog.exists()


@pytest.mark.parametrize("method", ["gptq", "awq"])
def test_a_model_in_4_bits_is_offered_the_recipe_that_trains_beside_it_and_no_other(
    method: str, desk: Desk, folder: Path
) -> None:
    whole = desk.models.add(str(folder)).model
    packed = folder.rename(folder.with_name(f"my-{method}"))
    told = {"quantization_config": {"quant_method": method, "bits": 4, "group_size": 128}}
    (packed / "config.json").write_text(json.dumps({**CONFIG, **told}))
    added = desk.models.add(str(packed))
    assert added.path and f'held = "{method}"' in added.path.read_text()
    found = Desk(desk.home, pretend="rtx-4090").offers(model=added.model.id)
    assert [verdict.recipe for verdict in found] == [f"sft-qlora-{method}"]
    assert list(desk.models.show(added.model.id).cards) == [f"qlora-{method}"]
    others = {verdict.recipe for verdict in Desk(desk.home, pretend="rtx-4090").offers("sft", model=whole.id)}
    assert "sft-lora" in others and not others & {"sft-qlora-gptq", "sft-qlora-awq"}


def test_a_model_that_needs_code_of_its_own_is_kept_for_estimates_only(desk: Desk, folder: Path) -> None:
    own = {"model_type": "strange", "auto_map": {"AutoModelForCausalLM": "strange.Strange"}}
    (folder / "config.json").write_text(json.dumps({**CONFIG, **own}))
    added = desk.models.add(str(folder))
    assert (added.model.own_code, added.model.tasks) == (True, ())
    assert Desk(desk.home).catalog().models[added.model.id] == added.model
    problem = refusal(desk.models.download, added.model.id, "auto", lambda *_: None, lambda _: None)
    assert problem.code == "model-own-code"


def test_a_model_that_is_built_in_needs_no_file(desk: Desk) -> None:
    added = desk.models.add("Qwen/Qwen3-8B")
    assert (added.model.id, added.path, added.new) == ("qwen3-8b", None, False)


def test_every_known_config_survives_being_written_down() -> None:
    for row in published():
        if held_in(row.config):
            continue
        read = architecture_in(row.config)
        model = draft("org/x", row.config, "", {"modelscope": "org/x"}, {"bytes": 5, "gated": True}).model
        assert (model.architecture, model.gated) == (read, True)


def test_offers_and_a_plan_take_a_folder_like_any_model(desk: Desk, folder: Path) -> None:
    id = desk.models.named(str(folder))
    verdicts = desk.offers("sft", id)
    assert {verdict.model for verdict in verdicts} == {id}
    assert all(verdict.download_bytes == 0 for verdict in verdicts)


def test_a_search_names_the_nearest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    assert desk.models.search("qwne3").nearest == "qwen3"
    found = desk.models.search("QWEN3 8b")
    assert "qwen3-8b" in [model.id for model in found.models]
    assert found.nearest == ""


def test_what_is_here_is_told_with_its_size_whole_or_not(desk: Desk) -> None:
    path = shelve(desk.home, "qwen3-8b")
    shelve(desk.home, "half", whole=False)
    shelve(desk.home, "somebody-s", ours=False)
    held = desk.models.search("").held
    assert held.keys() == {"qwen3-8b", "half"}
    assert (held["qwen3-8b"].path, held["qwen3-8b"].whole, held["half"].whole) == (path, True, False)
    assert held["half"].bytes == 1000


def test_a_removal_frees_what_is_ours_and_leaves_what_is_linked(desk: Desk, tmp_path: Path) -> None:
    path = shelve(desk.home, "qwen3-8b")
    shared = tmp_path / "shared.safetensors"
    shared.write_bytes(b"s" * 5000)
    (path / "linked.safetensors").symlink_to(shared)
    os.link(shared, path / "hard.safetensors")
    held = desk.models.here("Qwen/Qwen3-8B")
    record = (path / "fetched.json").stat().st_size
    assert held.bytes == 1000 + 5000 + 5000 + record
    assert desk.models.remove(held) == 1000 + record
    assert not path.exists()
    assert shared.stat().st_size == 5000


def test_other_revisions_are_the_model_s_and_go_by_their_own_names(desk: Desk) -> None:
    first, other = shelve(desk.home, "qwen3-8b"), shelve(desk.home, "qwen3-8b@v1.0")
    assert [held.path for held in desk.models.show("qwen3-8b").held] == [first, other]
    assert desk.models.here("qwen3-8b@v1.0").path == other
    assert [held.id for held in held_of(desk.models.search("qwen3 8b").held, "qwen3-8b")] == [first.name, other.name]
    assert desk.models.remove(desk.models.here("qwen3-8b")) > 0
    assert (first.exists(), other.exists()) == (False, True)
    assert desk.models.here("Qwen/Qwen3-8B").path == other


@pytest.mark.parametrize("name", ["somebody-s", "../../thesis", "qwen3-8b", "."])
def test_what_is_not_ours_cannot_be_named(desk: Desk, name: str) -> None:
    theirs = shelve(desk.home, "somebody-s", ours=False)
    assert refusal(desk.models.here, name).code == "model-not-here"
    assert theirs.exists()


@pytest.fixture
def busy(desk: Desk) -> Iterator[str]:
    """A run of the demo's model that a process works for."""
    plan = identity_plan(desk)
    folder = RunFolder(desk.home.runs / plan.run)
    folder.path.mkdir(parents=True)
    write_plan(folder.plan, plan)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, **run_marker(folder)}
    ) as process:
        yield plan.run
        process.kill()


def test_a_model_that_a_run_uses_stays(desk: Desk, busy: str) -> None:
    path = shelve(desk.home, "smollm2-135m")
    problem = refusal(desk.models.remove, desk.models.here("smollm2-135m"))
    assert (problem.code, problem.params["runs"]) == ("model-in-use", busy)
    assert path.exists()
    shelve(desk.home, "smollm2-135m@v1")
    assert refusal(desk.models.remove, desk.models.here("smollm2-135m@v1")).code == "model-in-use"
    shelve(desk.home, "qwen3-8b")
    assert desk.models.remove(desk.models.here("qwen3-8b")) > 0


def test_a_model_that_is_being_fetched_stays(desk: Desk) -> None:
    path = shelve(desk.home, "qwen3-8b", whole=False)
    with (desk.home.models / ".qwen3-8b.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert refusal(desk.models.remove, desk.models.here("qwen3-8b")).code == "model-being-fetched"
    assert path.exists()


def test_pretending_downloads_nothing(home: Home) -> None:
    home.root.mkdir()
    models = Desk(home, pretend="rtx-4090").models
    with pytest.raises(WizardError) as caught:
        models.download("qwen3-8b", "auto", lambda *_: None, lambda _: None)
    assert caught.value.problem.code == "pretending"


def test_a_token_is_its_owner_s_alone_and_the_environment_s_comes_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    wanted = desk.models.token_for(GATED)
    assert wanted
    assert wanted.page == "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct"
    desk.models.keep_token("huggingface", " hf_first \n")
    desk.models.keep_token("huggingface", "hf_second")
    file = desk.home.secrets / "huggingface.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert hub_tokens(desk.home, {}) == {"HF_TOKEN": "hf_second"}
    assert hub_tokens(desk.home, {"HF_TOKEN": "hf_theirs"}) == {}
    monkeypatch.setenv("HF_TOKEN", "hf_theirs")
    assert desk.models.token_for(GATED) is None


@pytest.mark.parametrize("token", ["", "  ", "two words", "a\nb", "令牌", "x\x07"])
def test_what_cannot_be_a_token_is_not_kept(desk: Desk, token: str) -> None:
    problem = refusal(desk.models.keep_token, "huggingface", token)
    assert problem.code == "token-odd"
    assert token.strip() not in problem.params.values()
    assert not desk.home.secrets.exists()


def test_of_several_hubs_the_one_that_refused_is_asked_about(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    tried = [{"hub": "modelscope", "code": "hub-has-no-model"}, {"hub": "huggingface", "code": "hub-refused"}]
    wanted = desk.models.token_for(Problem(code="no-source-works", params={"model": "qwen3-8b", "tried": tried}))
    assert wanted
    assert (wanted.hub, wanted.model) == ("huggingface", "Qwen/Qwen3-8B")
    assert desk.models.token_for(Problem(code="disk-full")) is None


@pytest.mark.parametrize(
    ("name", "code", "nearest"),
    [("none", "model-no-folder", None), ("bare", "model-no-config", ""), ("outer", "model-no-config", "outer/inner")],
)
def test_a_folder_that_is_no_model_is_told_as_that(
    desk: Desk, tmp_path: Path, name: str, code: str, nearest: str | None
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    (tmp_path / "outer" / "inner" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(WizardError) as told:
        desk.models.add(str(tmp_path / name))
    found = told.value.problem
    assert found.code == code
    if nearest is not None:
        assert found.params["nearest"] == (str(tmp_path / nearest) if nearest else "")
