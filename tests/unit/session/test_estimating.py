"""`estimate` at the desk: a model by any name, many cases in one go, and simulations that were kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from wizard import fit
from wizard.contract import Problem
from wizard.errors import WizardError
from wizard.fit.offering.recipe_step import Case, step_of
from wizard.fit.offering.setting import BF16_FLAGS
from wizard.journal import Home
from wizard.session import Desk, Estimate

CONFIG = {
    "model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
    "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936,
    "tie_word_embeddings": True, "max_position_embeddings": 40960,
}  # fmt: skip
CASE = {"method": "qlora-nf4", "seq_len": 2048, "micro_batch": 2}


def told_nothing(phase: str, done: int, total: int) -> None:
    pytest.fail("no environment is needed for this")


def estimate(desk: Desk, model: str, case: Mapping[str, Any] = CASE) -> Estimate:
    return desk.estimate(model, case, simulate=False, progress=told_nothing)


def refusal(desk: Desk, model: str, case: Mapping[str, Any] = CASE) -> Problem:
    with pytest.raises(WizardError) as caught:
        estimate(desk, model, case)
    return caught.value.problem


def answers(desk: Desk, *lines: str) -> list[tuple[Any, str | int]]:
    """The code of each Problem, the peak of each other answer."""
    found = desk.cases(lines)
    return [(id, answer.code if isinstance(answer, Problem) else answer["peak_bytes"]) for id, answer in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's, of which only the config is here."""
    path = tmp_path / "Qwen3-0.6B"
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return path


def test_a_model_is_found_by_its_id_by_a_hub_s_by_its_folder_and_by_its_config(desk: Desk, folder: Path) -> None:
    names = ["qwen3-0.6b", "QWEN3-0.6B", "Qwen/Qwen3-0.6B", "qwen/qwen3-0.6b", str(folder), str(folder / "config.json")]
    found = [estimate(desk, name).peak for name in names]
    assert found.count(found[0]) == len(names)
    assert found[0].basis == "estimated"


def test_what_is_estimated_is_what_a_case_of_the_same_keys_is(desk: Desk, folder: Path) -> None:
    line = json.dumps({"id": 7, "config": CONFIG, **CASE})
    assert answers(desk, line) == [(7, estimate(desk, str(folder)).peak.peak_bytes)]


def test_beside_the_memory_stand_the_card_that_holds_it_and_what_else_it_takes(desk: Desk, folder: Path) -> None:
    found = estimate(desk, str(folder)).as_data()
    assert found["card_gib"] * 2**30 > found["safe_bytes"]
    assert found["step_seconds"] > 0
    assert found["ram_bytes"] > 2 * 596_049_920
    assert found["disk_bytes"] > found["download_bytes"] == 2 * 596_049_920


def test_it_is_compared_with_the_card_that_is_here(home: Home, folder: Path) -> None:
    home.root.mkdir()
    desk = Desk(home, pretend="gtx-1060-6g")
    found = [estimate(desk, str(folder), {**CASE, "micro_batch": rows}).here for rows in range(1, 40)]
    assert list(dict.fromkeys(found)) == ["fits", "tight", "no"]
    assert estimate(Desk(home, pretend="cpu"), str(folder)).here == ""


def test_a_folder_that_is_here_comes_before_a_name_in_other_letters(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, "num_hidden_layers": 1}), encoding="utf-8")
    monkeypatch.chdir(folder.parent)
    assert estimate(desk, "Qwen3-0.6B").peak.peak_bytes < estimate(desk, "qwen3-0.6b").peak.peak_bytes


def test_so_many_cards_are_compared_with_as_many_or_it_is_told_how_many_lack(home: Home, folder: Path) -> None:
    home.root.mkdir()
    case = {"zero_stage": 3, "n_gpus": 8}
    lacking, enough = (estimate(Desk(home, pretend=name), str(folder), case) for name in ("rtx-4090", "a100-80gx8"))
    assert (lacking.here, lacking.as_data()["status"], lacking.as_data()["lacking_cards"]) == ("lacks", "lacks", 7)
    assert (enough.here, "lacking_cards" in enough.as_data()) == ("fits", False)


def test_a_quantised_checkpoint_is_fetched_as_it_is(desk: Desk, folder: Path) -> None:
    plain = estimate(desk, str(folder), {})
    told = {**CONFIG, "quantization_config": {"quant_method": "gptq", "bits": 4}}
    (folder / "config.json").write_text(json.dumps(told), encoding="utf-8")
    packed = estimate(desk, str(folder), {})
    assert packed.beside.download_bytes < plain.beside.download_bytes
    assert packed.beside.disk_bytes < plain.beside.disk_bytes
    assert packed.peak.terms[0].bytes == packed.beside.download_bytes


def test_a_model_type_that_is_not_known_is_read_as_llama_and_says_so(desk: Desk, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({**CONFIG, "model_type": "of-tomorrow"}), encoding="utf-8")
    assert estimate(desk, str(folder)).as_data()["read_as"] == "llama"
    assert "read_as" not in estimate(desk, "qwen3-0.6b").as_data()


@pytest.mark.parametrize("name", ["qwen3-06b", "./nowhere", "/nowhere/config.json", "a/b/c"])
def test_an_unknown_model_is_told_with_the_nearest_and_a_path_is_like_none(desk: Desk, name: str) -> None:
    problem = refusal(desk, name)
    assert (problem.code, problem.params["name"]) == ("unknown-model", name)
    assert bool(problem.params["nearest"]) is ("/" not in name)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "9" * 5000, "[" * 100_000], ids=lambda text: text[:8])
def test_a_config_that_cannot_be_read_names_its_file(desk: Desk, folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="utf-8")
    problem = refusal(desk, str(folder))
    assert problem.code in ("model-config-unreadable", "model-config-no-object")
    assert problem.params["path"] == str(folder / "config.json")


def test_a_folder_without_a_config_is_told_as_such(desk: Desk, tmp_path: Path) -> None:
    assert refusal(desk, str(tmp_path)).code == "model-config-unreadable"


def test_a_case_that_makes_no_sense_is_refused_with_the_model_s_own_limit(desk: Desk) -> None:
    problem = refusal(desk, "qwen3-0.6b", {"seq_len": 1_000_000})
    assert (problem.code, problem.params["longest"]) == ("case-too-long", 40960)


def test_many_cases_are_answered_in_order_one_line_for_each(desk: Desk) -> None:
    good = [json.dumps({"id": f"case {n}", "config": CONFIG, "seq_len": 2**n}) for n in range(6)]
    found = answers(desk, *good)
    assert [id for id, _ in found] == [f"case {n}" for n in range(6)]
    sizes = [size for _, size in found if isinstance(size, int)]
    assert len(sizes) == 6 and sizes == sorted(sizes)


def test_a_bad_line_is_answered_by_its_problem_and_the_next_one_all_the_same(desk: Desk) -> None:
    good = json.dumps({"id": "good", "config": CONFIG})
    bad = {
        "{": (None, "case-not-json"),
        "good, but not JSON": (None, "case-not-json"),
        "[" * 100_000: (None, "case-not-json"),
        "9" * 5000: (None, "case-not-json"),
        "[]": (None, "case-no-object"),
        "null": (None, "case-no-object"),
        '{"id": [1]}': ([1], "case-lacks-config"),
        '{"id": 3, "config": {"model_type": "of-tomorrow"}}': (3, "config-lacks-numbers"),
    }
    found = answers(desk, *[line for each in bad for line in (each, good)])
    assert found[0::2] == list(bad.values())
    assert {id for id, _ in found[1::2]} == {"good"}
    assert len({size for _, size in found[1::2]}) == 1


def test_an_empty_line_is_no_case(desk: Desk) -> None:
    assert answers(desk, "\n", "  \n") == []


@pytest.mark.parametrize("id", ["NaN", "-Infinity", "[1e999]", "[" * 400 + "]" * 400])
def test_an_id_that_json_has_no_word_for_is_a_problem_and_not_written_back(desk: Desk, id: str) -> None:
    (found,) = answers(desk, f'{{"id": {id}, "config": {json.dumps(CONFIG)}}}')
    assert found == (None, "case-odd-id") or json.dumps(found[0]) == id


def test_a_fault_of_ours_ends_one_line_and_not_the_stream(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(case: Mapping[str, Any], known: Mapping[str, int]) -> Any:
        return 1 // case["divisor"]

    monkeypatch.setattr(fit, "answer", faulty)
    found = [answer for _, answer in desk.cases(['{"divisor": 0}', "{}", '{"divisor": 1}'])]
    assert [each.code if isinstance(each, Problem) else each for each in found] == ["case-unforeseen"] * 2 + [1]


def keep(home: Home, step: fit.Step, **told: Any) -> None:
    home.simulated.mkdir(parents=True, exist_ok=True)
    (home.simulated / f"{fit.digest_of(step)}.json").write_text(json.dumps(told), encoding="utf-8")


def test_a_simulation_that_was_kept_is_preferred_over_the_formula(desk: Desk, folder: Path) -> None:
    before = estimate(desk, str(folder))
    keep(desk.home, fit.step_for(fit.architecture_in(CONFIG), CASE), peak_bytes=3 * 10**9)
    after = estimate(desk, str(folder))
    assert (after.peak.basis, after.peak.peak_bytes) == ("simulated", 3 * 10**9)
    assert sum(term.bytes for term in after.peak.terms) == after.peak.card_bytes
    assert after.law_bytes == before.peak.peak_bytes
    assert answers(desk, json.dumps({"config": CONFIG, **CASE})) == [(None, 3 * 10**9)]


def test_it_says_nothing_of_another_case(desk: Desk, folder: Path) -> None:
    keep(desk.home, fit.step_for(fit.architecture_in(CONFIG), CASE), peak_bytes=3 * 10**9)
    assert estimate(desk, str(folder), {**CASE, "micro_batch": 3}).peak.basis == "estimated"


@pytest.mark.parametrize("text", ["", "[]", '{"peak_bytes": -1}', '{"peak_bytes": "much"}'])
def test_a_kept_simulation_that_is_not_whole_is_passed_over(desk: Desk, folder: Path, text: str) -> None:
    keep(desk.home, fit.step_for(fit.architecture_in(CONFIG), CASE))
    (file,) = desk.home.simulated.glob("*.json")
    file.write_text(text, encoding="utf-8")
    assert estimate(desk, str(folder)).peak.basis == "estimated"


@pytest.mark.parametrize("name", ["Qwen/Qwen3-8B", "QWEN3-8B", "qwen/qwen3-8b"])
def test_offers_know_a_model_by_every_name_that_an_estimate_does(desk: Desk, name: str) -> None:
    assert {verdict.model for verdict in desk.offers("identity", name, terms=False)} == {"qwen3-8b"}


@pytest.mark.parametrize("name", ["qwen3", "QWEN3"])
def test_offers_know_a_family(desk: Desk, name: str) -> None:
    found = {verdict.model for verdict in desk.offers("identity", name, terms=False)}
    assert {"qwen3-0.6b", "qwen3-8b"} <= found


@pytest.mark.parametrize("name", ["qwen3-8", "QWEN3-8BB", "Qwen/Qwen3-88B"])
def test_offers_tell_the_nearest_name(desk: Desk, name: str) -> None:
    with pytest.raises(WizardError) as caught:
        desk.offers("identity", name)
    assert (caught.value.problem.code, caught.value.problem.params["nearest"]) == ("unknown-model", "qwen3-8b")


def test_a_catalogue_that_is_nowhere_is_told_with_its_folder(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "nope", tmp_path / "file"):
        with pytest.raises(WizardError) as caught:
            Desk(home, catalog_folder=place).catalog()
        assert (caught.value.problem.code, caught.value.problem.params["path"]) == ("catalog-no-folder", str(place))


def test_a_model_said_to_have_other_numbers_than_its_code_is_not_simulated(desk: Desk, folder: Path) -> None:
    with pytest.raises(WizardError) as caught:
        desk.estimate(str(folder), {**CASE, "params": 10**9}, simulate=True, progress=told_nothing)
    assert caught.value.problem.code == "simulation-other-params"


def test_offers_prefer_it_too(desk: Desk) -> None:
    verdict, catalog = desk.judge("identity", "smollm2-135m"), desk.catalog()
    case = Case(
        model=catalog.models[verdict.model],
        method=catalog.methods[verdict.method],
        knobs=verdict.knobs,
        device=verdict.device,
        compute_bytes=2 if verdict.device == "cuda" or BF16_FLAGS & set(desk.machine().cpu.flags) else 4,
    )
    keep(desk.home, step_of(case), peak_bytes=verdict.peak_bytes + 5 * 10**6)
    found = desk.judge(verdict.recipe, verdict.model, verdict.knobs)
    assert (found.basis, found.peak_bytes) == ("simulated", verdict.peak_bytes + 5 * 10**6)


def test_layers_the_formula_cannot_read_are_refused_until_they_were_simulated(desk: Desk, folder: Path) -> None:
    strange = {**CONFIG, "model_type": "bitnet"}
    (folder / "config.json").write_text(json.dumps(strange), encoding="utf-8")
    assert refusal(desk, str(folder)).code == "config-unread-kind"
    labels = {"weights": 10**9, "loss": 2 * 10**9}
    step = fit.step_for(fit.outline_of(strange), CASE)
    keep(desk.home, step, params=5 * 10**8, peak_bytes=3 * 10**9, moment="loss", labels=labels)
    found = estimate(desk, str(folder))
    assert (found.peak.basis, found.peak.peak_bytes, found.law_bytes) == ("simulated", 3 * 10**9, 0)
    assert {term.label for term in found.peak.terms} == {"weights", "loss", "fragmentation", "context"}


def test_hubs_that_are_down_are_told_at_once_with_their_addresses(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("MODELSCOPE_ENDPOINT", "HF_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    problem = refusal(desk, "org/tiny")
    assert (problem.code, problem.params["model"]) == ("config-out-of-reach", "org/tiny")
    assert problem.params["asked"] == "http://127.0.0.1:9, http://127.0.0.1:9"
